"""What every module may use; knows no module."""
