"""In a browser: what people see and do."""
