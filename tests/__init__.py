"""The tests of Stepwell, by folder: what each needs to run is in its folder's name."""
