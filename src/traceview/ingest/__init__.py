"""Any source into a store of Parquet parts."""
