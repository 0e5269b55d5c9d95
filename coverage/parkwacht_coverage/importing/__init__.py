"""From the maps a park has (BGT, 3D BAG, OSM, DXF, point clouds) to a site that can be studied."""
