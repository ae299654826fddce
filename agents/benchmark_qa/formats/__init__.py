"""Other label formats (COCO, YOLO, tables), from and to Encord's label rows. No files, no platform."""
