"""Both forms of what is to be registered mean the same, and both have limits."""

from typing import Any

import pytest
from encord.orm.storage import (
    DataUploadAudio,
    DataUploadDicomSeries,
    DataUploadDicomSeriesDicomFile,
    DataUploadImage,
    DataUploadImageGroup,
    DataUploadImageGroupImage,
    DataUploadItems,
    DataUploadNifti,
    DataUploadPDF,
    DataUploadText,
    DataUploadVideo,
)

from emulator.errors import InvalidArgumentsError
from emulator.storage.registration import MOST_ITEMS, MOST_URLS, read_registration

OF_THE_SDK = DataUploadItems(
    images=[DataUploadImage(object_url="i", title="image", client_metadata={"a": 1})],
    videos=[DataUploadVideo(object_url="v")],
    audio=[DataUploadAudio(object_url="a")],
    text=[DataUploadText(object_url="t")],
    pdf=[DataUploadPDF(object_url="p")],
    nifti=[DataUploadNifti(object_url="n")],
    image_groups=[DataUploadImageGroup(images=[DataUploadImageGroupImage(url=u) for u in "xyz"], title="group")],
    dicom_series=[DataUploadDicomSeries(dicom_files=[DataUploadDicomSeriesDicomFile(url="d", title=None)], title="s")],
    skip_duplicate_urls=True,
)
OF_A_CUSTOMER = {
    "images": [{"objectUrl": "i", "title": "image", "clientMetadata": {"a": 1}}],
    "videos": [{"objectUrl": "v"}],
    "audio": [{"objectUrl": "a"}],
    "text": [{"objectUrl": "t"}],
    "pdfs": [{"objectUrl": "p"}],
    "nifti": [{"objectUrl": "n"}],
    # Ten and more: objects go by number, not by text.
    "image_groups": [{"title": "group", "objectUrl_10": "z", "objectUrl_0": "x", "objectUrl_2": "y"}],
    "dicom_series": [{"title": "s", "objectUrl_0": "d"}],
    "skip_duplicate_urls": True,
}


def test_the_sdks_models_and_a_customers_file_mean_the_same() -> None:
    ours, theirs = read_registration(OF_THE_SDK.to_dict()), read_registration(OF_A_CUSTOMER)
    assert set(map(repr, ours.units)) == set(map(repr, theirs.units))
    assert ours.skip_duplicate_urls
    assert theirs.skip_duplicate_urls
    assert not ours.upsert_metadata


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "must be an object"),
        ({"images": {"objectUrl": "s3://b/a"}}, "images: must be a list"),
        ({"images": ["s3://b/a"]}, "images.0: must be an object"),
        ({"image_groups": [{"title": "none"}]}, "image_groups.0: objectUrl_0 is missing"),
        ({"sculptures": []}, "sculptures: not a kind of data"),
        ({"images": [{"objectUrl": "s"}] * (MOST_ITEMS + 1)}, "At most 500,000 items"),
        ({"imageGroups": [{"images": [{"url": "s"}] * (MOST_URLS + 1)}]}, "At most 1,000,000 URLs"),
    ],
    ids=["no object", "no list", "no entry", "no files", "unknown kind", "too many items", "too many urls"],
)
def test_what_breaks_the_rules_is_refused_with_the_key_named(files: Any, said: str) -> None:
    with pytest.raises(InvalidArgumentsError, match=said):
        read_registration(files)
