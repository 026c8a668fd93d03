"""The built-in checks of code judges: pure functions of a trace, one module each; `registry` makes them of options."""
