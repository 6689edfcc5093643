"""What a vendor may expect: orders of the weeks ahead with ranges, and buying early where capacity will be short."""
