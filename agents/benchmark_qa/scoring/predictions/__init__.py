"""How good a model's predictions are: mAP and mAR by the COCO protocol, F1, confusion and calibration.

`Detections.from_coco` and `detections_from_label_rows` read what is compared, `evaluate_predictions` compares
it. The evaluator is the library `faster-coco-eval`; it comes with the extra `predictions` and is imported only
when something is evaluated.
"""
