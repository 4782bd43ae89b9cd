# Writes flat-city-test.mmdb, a small database in the flat schema of ip-location-db: pip install mmdb_writer; python flat.py
from mmdb_writer import MMDBWriter
from netaddr import IPSet

writer = MMDBWriter(ip_version=4, database_type="flat-city-test", languages=["en"], float_type="f32")
entries = [
    ("81.2.69.0/24", {"country_code": "GB", "state1": "England", "city": "London", "latitude": 51.5142, "longitude": -0.0931}),
    ("203.0.113.0/24", {"country_code": "AU", "city": "", "latitude": -33.5, "longitude": 151.25}),
]
for network, entry in entries:
    writer.insert_network(IPSet([network]), entry)
writer.to_db_file("flat-city-test.mmdb")
