"""From the park's metres to the degrees that partners read."""

from functools import cache

from pyproj import Transformer


@cache
def _to_wgs84() -> Transformer:
    # Making one takes 20 to 100 ms, within the transaction that stores an alarm; it may be shared
    # by threads (pyproj 3.1 and later).
    return Transformer.from_crs("EPSG:28992", "EPSG:4326", always_xy=True)


def lon_lat_deg(x_m: float, y_m: float) -> tuple[float, float]:
    """Turn a place in EPSG:28992, metres, into longitude and latitude of WGS 84, degrees."""
    lon, lat = _to_wgs84().transform(x_m, y_m)
    return float(lon), float(lat)
