"""What a distributed Map reads its items from and writes its results to."""
