"""The park as data: site, cameras, zones, arming calendar, receivers, settings and errors."""
