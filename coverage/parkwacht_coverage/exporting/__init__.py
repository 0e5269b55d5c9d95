"""A study as open formats: GeoJSON and KML for maps, CSV for spreadsheets, TOML for the worker."""
