"""What the system promises, each over virtual weeks or months: `test_<promise>.py`."""
