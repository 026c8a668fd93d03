"""Pure statistics over plain numbers; imports the model only."""
