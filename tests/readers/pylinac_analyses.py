"""Run by pylinac's own Python: its analyses of the originals and of what was made of them.

Arguments: the folder of real files, the folder of our outputs. Prints, as JSON, for each analysis the
results on both: {name: [original, ours]}.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import ClassVar

import numpy as np
from pylinac import CatPhan604, FieldAnalysis, Starshot
from pylinac.core import image
from pylinac.ct import CTP404CP604
from pylinac.winston_lutz import WinstonLutz2D

warnings.simplefilter("ignore")
real, ours = Path(sys.argv[1]), Path(sys.argv[2])
xim_as_dicom = ours / "pylinac_xim.dcm"


class Linearity(CatPhan604):
    """The HU linearity module: the 20 slices at hand hold no other one whole."""

    min_num_images = 20
    modules: ClassVar = {CTP404CP604: {"offset": 0}}


def field(path):
    analysis = FieldAnalysis(str(path))
    analysis.analyze()
    return results(analysis)


def bb(path):
    # the file says no couch angle, and ours must not say one either
    analysis = WinstonLutz2D(str(path), missing_axis_value=0)
    analysis.analyze(bb_size_mm=5)
    return results(analysis) | {"cax2bb": analysis.cax2bb_distance, "cax2epid": analysis.cax2epid_distance}


def star(analysis):
    analysis.analyze()
    return results(analysis)


def catphan(folder):
    analysis = Linearity(str(folder))
    analysis.analyze()
    return results(analysis) | {"report": analysis.results(), "roll": analysis.catphan_roll}


def results(analysis):
    """Without what is of the day or of pylinac itself."""
    told = analysis.results_data(as_dict=True)
    return {key: value for key, value in told.items() if key not in ("date_of_analysis", "pylinac_version")}


def of_the_xim(path):
    """pylinac's own conversion, with the distances that it drops set right: those of the file."""
    xim = image.XIM(str(path))
    dataset = xim.as_dicom()
    dataset.RTImageSID = 10 * (xim.properties["MVSourceVrt"] - xim.properties["MVDetectorVrt"])
    place = [10 * xim.properties[f"MVDetector{axis}"] for axis in ("Lat", "Lng", "Vrt")]
    dataset.XRayImageReceptorTranslation = [f"{value:.4f}" for value in place]
    dataset.save_as(str(xim_as_dicom), write_like_original=False)
    return field(xim_as_dicom)


spokes = sorted(str(path) for path in (real / "rtimage" / "LinaQA_StarShot").glob("*.dcm"))
catphan_original = catphan(real / "ct-series" / "LinaQA_CatPhan604")
told = {
    "field": [field(real / "rtimage" / "BeamScheme_6FFF.dcm"), field(ours / "BeamScheme_6FFF.dcm")],
    "gap": [field(real / "rtimage" / "fodicom_RI6XDosiGap.dcm"), field(ours / "fodicom_RI6XDosiGap.dcm")],
    "bb": [
        bb(real / "rtimage" / "alexserante_gantry0coll0couch0.dcm"),
        bb(ours / "alexserante_gantry0coll0couch0.dcm"),
    ],
    "xim": [
        of_the_xim(real / "xim" / "SN6543_6xFFF_BeamProfileCheck.xim"),
        field(ours / "SN6543_6xFFF_BeamProfileCheck.dcm"),
    ],
    "star, mean of stretched": [
        star(Starshot.from_multiple_images(spokes, method="mean")),
        star(Starshot(str(ours / "star_mean.dcm"))),
    ],
    "star, sum": [
        star(Starshot.from_multiple_images(spokes, method="sum", stretch_each=False)),
        star(Starshot(str(ours / "star_sum.dcm"))),
    ],
    "catphan, ct-series": [catphan_original, catphan(ours / "ct")],
    "catphan, dicom": [catphan_original, catphan(ours / "same")],
}
sys.stdout.write(json.dumps(told, default=lambda value: np.asarray(value).tolist()))
