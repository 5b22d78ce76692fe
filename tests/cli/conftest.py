from tests.exporting import CAN_EXPORT

collect_ignore = [] if CAN_EXPORT else ["test_export.py"]
