from tests.exporting import CAN_EXPORT

collect_ignore_glob = [] if CAN_EXPORT else ["test_*.py"]  # distilling needs the same packages
