"""Every certificate of every org, and where each managed credential stands."""
