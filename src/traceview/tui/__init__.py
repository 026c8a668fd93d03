"""The app: screens own state, widgets know no store, workers never touch widgets."""
