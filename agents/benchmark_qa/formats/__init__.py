"""Labels in other formats: COCO, YOLO and tables, from and to Encord's label rows. Pure: no files, no platform."""
