"""What happens on a day: everyday life as columns, visits as scenes."""
