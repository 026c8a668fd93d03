"""The story of the sample data: a goal-tracking assistant, four weeks, three prompt versions, planted problems."""
