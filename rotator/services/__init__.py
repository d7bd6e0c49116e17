"""The use cases. Rooms: reporting > schedule > alerting > rotation | inventory."""
