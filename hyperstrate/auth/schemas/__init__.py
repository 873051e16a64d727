"""What the API and its pages' forms take and give."""
