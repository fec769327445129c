"""The study of filling a rare condition, at a size that a test can bear."""

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.oracles import generated as oracle

from walkprint.cli import main
from walkprint.core.errors import RecipeError
from walkprint.core.protocol import Selection
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.silhouette import align_clip
from walkprint.data.store import Store
from walkprint.data.walkers import Variety, Walkers
from walkprint.data.walkers import people as walkers_people
from walkprint.data.walkers.render import act, silhouettes
from walkprint.data.writing import StoreWriter
from walkprint.evaluation import embed
from walkprint.evaluation.embedding_measures import identity_kept
from walkprint.generation.base import GenerativeModel
from walkprint.networks.base import Network
from walkprint.recipes import classes
from walkprint.studies import cloth_expansion, cloth_expansion_page
from walkprint.studies.cloth_expansion import LARGE, ClothExpansionStudy, compute
from walkprint.studies.cloth_variants import ABLATION, GENERATORS, GUIDED, JOINED, VARIANTS
from walkprint.studies.expansion import (
    RECORDED,
    SIMPLE,
    comparison_sheet,
    expanded_people,
    measures,
    scarce_people,
)
from walkprint.studies.grid import read_cells, run_cells
from walkprint.studies.recognition import trained
from walkprint.studies.thickness import bodies_of, coat_thickness

TINY = ClothExpansionStudy(**cloth_expansion.QUICK | {"networks": ("GaitSet",), "coats": ("2", "1", "half")})


def coats(people, split):
    keys = [key for key in people.keys(split) if key.condition == "cl"]
    return {name: len({key.take for key in keys if key.subject == name}) for name in people.subjects(split)}


def test_coats_are_scarce_for_those_who_train_alone(tmp_path):
    settings = TINY.cells()[0].settings["data"]["people"]
    expected = {"2": [2, 2, 2, 2], "1": [1, 1, 1, 1], "half": [2, 0, 2, 0], "quarter": [2, 0, 0, 0]}
    for name, counts in expected.items():
        people = scarce_people(settings, name, tmp_path)
        assert list(coats(people, "train").values()) == counts
        assert list(coats(people, "test").values()) == [2, 2]
        assert len({(key.subject, key.take) for key in people.keys("train") if key.condition == "nm"}) == 4 * 6
    assert len(list((tmp_path / "stores").glob("walkers-*"))) == 4


def test_scarce_walkers_are_those_of_the_study(tmp_path):
    settings = TINY.cells()[0].settings["data"]["people"]
    copied, rendered = scarce_people(settings, "half", tmp_path), Walkers(**settings, scarce={"cl": 2})
    assert copied.keys("all") == rendered.catalogue()
    for key in [key for key in rendered.catalogue() if key.condition == "cl"][:2]:
        np.testing.assert_array_equal(copied.store().read(key).frames, rendered.read(key).frames)


def test_coats_are_made_for_those_who_train_alone(tmp_path):
    study = replace(TINY, variants=tuple(SIMPLE), sections=("ssim",))
    stores = {}
    for cell in study.cells():
        people = expanded_people(cell.settings["data"], tmp_path)
        assert list(coats(people, "train").values()) == [6, 6, 6, 6]
        assert list(coats(people, "test").values()) == [2, 2]
        stores[cell.settings["variant"]] = people.store()
    assert len(list((tmp_path / "stores").glob("expanded-*"))) == len(SIMPLE)
    rows, png = comparison_sheet(stores)
    assert rows == ["normal walking", *SIMPLE, "recorded coats"]
    assert png.startswith(b"\x89PNG")


def test_as_many_recorded_coats_stand_beside_generated_ones(tmp_path):
    study = replace(TINY, variants=("original", *RECORDED), sections=("recognition",))
    original, own, fresh = (expanded_people(cell.settings["data"], tmp_path) for cell in study.cells())
    for people in (own, fresh):
        assert list(coats(people, "train").values()) == [6, 6, 6, 6]
        assert list(coats(people, "test").values()) == [2, 2]
        for key in original.store().keys:
            assert (people.store().read(key).frames == original.store().read(key).frames).all()
    added = sorted(set(own.store().keys) - set(original.store().keys))
    assert added == sorted(set(fresh.store().keys) - set(original.store().keys))
    areas = [np.array([(one.store().read(key).frames > 127).mean() for key in added]) for one in (own, fresh)]
    spread = [np.std([areas[i][[key.recording == f"cl-0{take}" for key in added]].mean() for take in range(3, 7)])
              for i in range(2)]  # fmt: skip
    assert spread[1] > spread[0]


def test_recorded_coats_are_added_further_where_that_was_stopped(tmp_path, monkeypatch):
    study = replace(TINY, variants=("original", "recorded"), sections=("recognition",))
    data = study.cells()[1].settings["data"]
    copy, calls = StoreWriter.copy, []

    def stop(self, store, key):
        calls.append(key)
        if len(calls) == 30:
            raise KeyboardInterrupt
        copy(self, store, key)

    expanded_people(study.cells()[0].settings["data"], tmp_path)
    monkeypatch.setattr(StoreWriter, "copy", stop)
    with pytest.raises(KeyboardInterrupt):
        expanded_people(data, tmp_path)
    monkeypatch.setattr(StoreWriter, "copy", copy)
    assert list(coats(expanded_people(data, tmp_path), "train").values()) == [6, 6, 6, 6]


def test_only_recorded_coats_are_called_so(tmp_path):
    study = replace(TINY, variants=("original", "morphological"), sections=("ssim",), rare="half")
    people = expanded_people(study.cells()[0].settings["data"], tmp_path)
    rows, _ = comparison_sheet({"morphological": people.store()})
    assert rows == ["normal walking", "morphological", "recorded coats"]
    kept = [key for key in people.store().keys if key.subject in list(people.subjects("train"))[1::2]]
    with StoreWriter(tmp_path / "without", further={"generated": {}}) as writer:
        for key in kept:
            origin = people.store().generated.get(key)
            writer.add(people.store().read(key), origin=origin)
    assert comparison_sheet({"morphological": Store.open(tmp_path / "without")})[0] == [
        "normal walking",
        "morphological",
    ]


def test_the_report_says_on_whom_measures_rest(tmp_path):
    notes = cloth_expansion_page.page(replace(TINY, rare="half", sections=("ssim",)), {}, {}, tmp_path).notes
    assert any("rests on the 2 training subjects" in one for one in notes)
    assert any("two takes of half of the people" in one for one in notes)


def test_measures_compare_the_same_people(tmp_path):
    study = replace(TINY, variants=("copying", "morphological"), sections=("ssim",), rare="half", wanted=4)
    cells = study.cells()
    assert run_cells(cells, compute, tmp_path) == {}
    found = {cell.settings["variant"]: one["measures"] for cell in cells
             for one in [read_cells([cell], tmp_path)[cell.name]]}  # fmt: skip
    for name, (_, recorded) in found["copying"].items():
        assert found["morphological"][name][1] == recorded, f"{name}: another reference for another maker"
    for name in ("identity kept", "condition reached"):
        assert found["copying"][name][0] == found["copying"][name][1], "a copy is a recording"
    assert "identity of others" not in found["copying"], "those without coats have none to copy"


def test_measures_of_people_without_coats_where_all_others_have_enough(tmp_path):
    study = replace(TINY, variants=("morphological", "re-rendered"), sections=("ssim",), rare="half", wanted=2)
    cells = study.cells()
    assert run_cells(cells, compute, tmp_path) == {}
    for found in read_cells(cells, tmp_path).values():
        measured = found["measures"]
        both = {"identity of others", "identity of others, no coat seen"}
        assert {"memorized", "condition reached", "Frechet distance", "quality"} | both <= set(measured)
        assert all(None not in measured[name] for name in both)
        assert {"identity kept", "identity, no coat seen"}.isdisjoint(measured)
        assert measured["quality"] == [None, None]
        assert found["thickness"]["mean"][1] > 0.5
    page = cloth_expansion_page.page(study, read_cells(cells, tmp_path), {}, tmp_path)
    assert [line[0] for line in page.tables[0].lines] == ["made by", "morphological", "re-rendered"]


def test_those_who_have_no_coat_are_searched_too(tmp_path):
    study = replace(TINY, variants=("morphological",), sections=("ssim",), rare="half", wanted=2)
    (cell,) = [one for one in study.cells() if one.settings["variant"] == "morphological"]
    people = expanded_people(cell.settings["data"], tmp_path)
    judge, _ = trained(cell.settings["judge"], expanded_people(cell.settings["judge"]["data"], tmp_path), tmp_path)
    others = list(people.subjects("train"))[1::2]
    made = embed(judge, people.store(), [key for key in people.store().generated if key.subject in others])
    normal = embed(judge, people.store(), [key for key in people.keys("train") if key.condition == "nm"])
    searched = Selection(conditions=("nm",))
    complete = scarce_people(cell.settings["data"]["people"], "2", tmp_path)
    recorded = embed(judge, complete.store(), [key for key in complete.keys("train") if key.subject in others])
    worn = recorded.select(Selection(conditions=("cl",)))
    expected = [identity_kept(one, normal, gallery=searched).generated for one in (made, worn)]
    found = compute(cell, tmp_path)["measures"]
    assert found["identity of others"] == expected
    assert all(0 <= one <= 1 for one in found["identity of others, no coat seen"])


def test_variants_of_a_seed_differ_in_the_data_alone():
    study = ClothExpansionStudy(sections=("recognition",))
    cells = study.cells()
    assert len(cells) == 3 * (12 + 12 + 8)  # GaitPart heeds an order that four generators do not give
    for network in study.networks:
        recipes = [cell.settings["recipe"] for cell in cells if cell.settings["network"] == network]
        alike = {json.dumps({**one, "data": 0, "even": 0}) for one in recipes}
        assert len(alike) == 3
    made = [cell.settings["data"].get("generator") for cell in cells if cell.settings["network"] == "GaitSet"]
    assert len({json.dumps({**one, "generator": 0}) for one in made if one}) == 3  # one schedule for each seed


def test_covering_variants_lay_their_coats_over_their_sources():
    every = tuple(name for name in VARIANTS if not name.endswith("-whitened"))
    cells = ClothExpansionStudy(sections=("ssim", "recognition", "ablation"), variants=every).cells()
    covering = {f"{name}-covering" for name in (GUIDED, f"{GUIDED}-draper", "latent-flow", "sdedit", "draper")}
    assert {cell.settings["variant"] for cell in cells if cell.settings["data"].get("cover")} == covering
    judges = {json.dumps(cell.settings["judge"]) for cell in cells if "judge" in cell.settings}
    assert len(judges) == 3, "one for each seed, of the recordings alone"


def test_the_large_study_names_networks_and_generators_that_can_be_built():
    study = ClothExpansionStudy(**LARGE)
    names = {"subjects": ("a", "b"), "conditions": ("cl", "nm"), "views": ("090",), "source_condition": "nm"}
    assert (study.train, len(study.views)) == (82, 11)
    for variant in (*GENERATORS, *ABLATION):
        model = classes.build(GenerativeModel, study.generator(variant), **names)
        assert not variant.startswith("draper") or sum(one.numel() for one in model.parameters()) <= 1_000_000
        assert model.names.subjects == ("a", "b")
    wide = {cell.settings["network"]: cell.settings["recipe"] for cell in study.cells() if "recipe" in cell.settings}
    sizes = {
        name: sum(one.numel() for one in classes.build(Network, recipe["network"]).parameters())
        for name, recipe in wide.items()
    }
    assert set(sizes) == set(study.networks)
    assert min(sizes.values()) > 5e5


def test_an_order_is_asked_for_where_it_is_heeded():
    study = ClothExpansionStudy()
    assert [name for name in GENERATORS if not study.fits(name, "GaitPart")] == [
        "acgan",
        "reacgan",
        "bagan",
        "bagan-gp",
    ]
    assert all(study.fits(name, "GaitSet") for name in GENERATORS)
    assert [name for name in ABLATION if not study.fits(name, "GaitPart")] == ["gaussian-latent"]
    assert study.generator("gaussian-latent")["class_path"].endswith("GaussianLatent")
    assert study.generator("copying") is None


def test_copies_are_measured_and_help_nobody_to_order(tmp_path):
    study = replace(
        TINY, variants=("original", "even-sampling", "copying"), sections=("ssim", "recognition", "scarcity")
    )
    cells = study.cells()
    assert run_cells(cells, compute, tmp_path) == {}
    results = read_cells(cells, tmp_path)
    measures = results["ssim-gaitset-copying-seed0"]["measures"]
    assert measures["usable"] == [1.0, None]
    assert measures["quality"][0] == pytest.approx(1)
    assert measures["quality"][1] < 0.99
    runs = list((tmp_path / "runs").iterdir())
    assert (
        len(runs) == 3 * 3 + 1
    )  # three data sets for each of three scarcities, a judge among them; and one without coats
    page = cloth_expansion_page.page(study, results, {}, tmp_path)
    assert {"Scarcity: rank-1 by the number of takes in a coat", "How good the generated coats are"} <= {
        table.title for table in page.tables
    }
    assert len(page.sheets) == 1


def test_what_a_network_cannot_use_is_named_where_a_part_asks_for_it(tmp_path):
    study = replace(TINY, networks=("GaitPart", "GaitSet"), variants=("original", "acgan"))

    def left_out(**asked):
        notes = cloth_expansion_page.page(replace(study, **asked), {}, {}, tmp_path).notes
        return [note.split(" does not")[0] for note in notes if "left out" in note]

    unordered = ["GaitPart needs the order of frames, which acgan"]
    assert left_out(sections=("ssim", "recognition")) == unordered
    assert left_out(sections=("scarcity",)) == unordered
    assert left_out(sections=("scarcity",), networks=("GaitSet", "GaitPart")) == left_out(sections=("ssim",)) == []
    without = left_out(
        networks=("GEINet",), variants=("original", "hallucination"), sections=("scarcity", "recognition")
    )
    assert without == ["GEINet has no triplet loss, which hallucination replaces: left out."]
    assert left_out(sections=("recognition",), networks=("GaitSet",)) == []
    assert left_out(sections=("ablation",)) == ["GaitPart needs the order of frames, which gaussian-latent"]


def test_who_has_settings_of_its_own_is_named(tmp_path):
    notes = [cloth_expansion_page.page(one, {}, {}, tmp_path).notes for one in (
        TINY, replace(TINY, generator_settings={"borrow": 0.2})
    )]  # fmt: skip
    assert set(notes[1]) - set(notes[0]) == {f"{GUIDED} alone has other settings than usual in this study: borrow 0.2."}


@pytest.mark.parametrize(
    "wrong",
    [
        {"variants": ("wgan",)},
        {"sections": ("real",)},
        {"coats": ("3",)},
        {"seeds": 0},
        {"wanted": 2},
        {"generator_widths": (8, 8, 8)},
        {"rare": "eighth", "subjects": 12},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(RecipeError, match=r"[sS]tudy:"):
        ClothExpansionStudy(**wrong)


def test_fewer_takes_will_do_where_none_is_copied():
    fewer = {"variants": ("original", GUIDED), "rare": "half", "sections": ("recognition", "ssim"), "wanted": 2}
    assert ClothExpansionStudy(**fewer).wanted == 2
    for change in ({"variants": ("original", "copying")}, {"rare": "2"}):
        with pytest.raises(RecipeError, match="2 takes in a coat wanted"):
            ClothExpansionStudy(**{**fewer, **change})
    assert ClothExpansionStudy(**fewer | {"wanted": 1}).wanted == 1
    with pytest.raises(RecipeError, match="at least 2 for"):
        ClothExpansionStudy(**fewer | {"wanted": 1, "rare": "1"})


def test_the_command_trains_a_generator_and_ends_in_a_report(tmp_path, capsys):
    tiny = ["--set", "networks=[GaitSet]", f"variants=[original,{GUIDED}]", "sections=[ssim,recognition]"]
    assert main(["study", "cloth-expansion", "--quick", *tiny, "--json", "--out", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["finished"] == found["cells"] == 3
    assert len(list((tmp_path / "runs").glob("aeguidedgan-*/generator/config.json"))) == 1
    assert "Synthetic figures" in (tmp_path / "study.html").read_text()


def test_what_is_made_in_feature_space_takes_the_network_of_the_original(tmp_path):
    study = replace(TINY, sections=("recognition",), variants=("original", "whitened", "feature-transport"))
    found = {cell.settings["variant"]: compute(cell, tmp_path) for cell in study.cells()}
    assert list(found) == ["original", "whitened", "feature-transport"]
    assert len(list((tmp_path / "runs").iterdir())) == 1
    assert found["whitened"]["EER"] != found["feature-transport"]["EER"]


def test_whitened_variants_take_the_network_of_theirs(tmp_path):
    names = ("original", "re-rendered", "re-rendered-whitened")
    study = replace(TINY, sections=("recognition",), variants=names, rare="half", wanted=2)
    _, plain, white = study.cells()
    assert plain.settings["recipe"] == white.settings["recipe"]
    assert plain.settings["data"]["variant"] == "re-rendered"
    found = [compute(cell, tmp_path)["EER"] for cell in (plain, white)]
    assert found[0] != found[1]
    assert len(list((tmp_path / "runs").iterdir())) == 1
    every = ClothExpansionStudy(
        sections=("recognition", "real"),
        variants=VARIANTS,
        real=tmp_path,
        protocol=next(iter(Walkers.PROTOCOLS.values())),
    ).cells()
    assert not any("whitened" in cell.name for cell in every if cell.settings["section"] == "real")


def test_the_rivals_are_trained_and_tested(tmp_path):
    names = ("latent-flow-covering", "sdedit", "draper", "re-rendered")
    study = replace(TINY, sections=("recognition",), variants=("original", *names), wanted=3)
    assert run_cells(study.cells(), compute, tmp_path) == {}
    generators = {path.name.split("-")[0] for path in (tmp_path / "runs").iterdir()}
    assert generators == {"gaitset", "latentflow", "sdedit", "draper"}


@pytest.mark.slow
def test_recorded_people_in_a_store_are_studied_as_rendered_ones_are(tmp_path):
    names = ("original", "morphological", "feature-transport", "recorded")
    study = replace(TINY, sections=("ssim", "recognition"), variants=names, rare="rcc", wanted=2, views=("000", "090"))
    rendered = study.cells()
    assert run_cells(rendered, compute, tmp_path / "rendered") == {}
    store = scarce_people(rendered[0].settings["data"]["people"], "2", tmp_path / "rendered").root
    recorded = replace(study, store=store, subjects=100, views=())
    cells = recorded.cells()
    assert run_cells(cells, compute, tmp_path / "recorded") == {}
    expected, found = read_cells(rendered, tmp_path / "rendered"), read_cells(cells, tmp_path / "recorded")
    assert expected.keys() == found.keys()
    for name, numbers in found.items():
        assert numbers == {what: one for what, one in expected[name].items() if what != "thickness"}, name
    page = cloth_expansion_page.page(recorded, found, {}, tmp_path / "recorded")
    assert "Recorded people" in page.lead
    for variants, said in ((("re-rendered",), "re-rendered: only of rendered people"), (("recorded-fresh",), "fresh")):
        with pytest.raises(RecipeError, match=said):
            replace(recorded, variants=variants)


@pytest.fixture
def store(tmp_path):
    """Six training people, who were recorded in three, two, no, two, two and two coats, and two test people."""
    coats = {"a": 3, "b": 2, "c": 0, "d": 2, "e": 2, "f": 2, "y": 2, "z": 2}
    frames = np.random.default_rng(0).integers(0, 2, (2, 1, 64, 64), dtype=np.uint8) * 255
    with StoreWriter(tmp_path / "store", dataset="CasiaB", further={"train": list("abcdef")}) as writer:
        for name, number in coats.items():
            takes = [("nm", 1), *(("cl", 1 + one) for one in range(number))]
            for condition, take in takes:
                writer.add(Clip(frames, SequenceKey(name, condition, f"{take:02d}", "000")))
    return tmp_path / "store"


OF_A_STORE = {"sections": ("scarcity",), "variants": ("original", "recorded"), "wanted": 2, "rare": "half"}


def test_a_study_of_a_store_counts_its_coats_and_knows_it(store):
    study = replace(TINY, **OF_A_STORE, store=store, coats=("half", "quarter"))
    assert study.recorded_coats() == {"half": 5, "quarter": 5}
    assert [study.wearers(one) for one in ("2", "half", "quarter")] == [5, 2, 2]
    people = [cell.settings["data"]["people"] for cell in study.cells()]
    assert all(one == {"store": str(store), "fingerprint": Store.open(store).fingerprint} for one in people)


def test_recorded_coats_are_as_many_as_generated_ones(store, tmp_path):
    study = replace(TINY, **OF_A_STORE, store=store, coats=("half",))
    (cell,) = [one for one in study.cells() if one.settings["variant"] == "recorded"]
    people = expanded_people(cell.settings["data"], tmp_path / "study")
    assert list(coats(people, "train").values()) == [3, 2, 0, 2, 2, 2]
    with pytest.raises(RecipeError, match="the store has 2 takes in a coat of each person; set wanted=2"):
        replace(study, wanted=3)
    assert replace(study, wanted=3, variants=("original", GUIDED)).wanted == 3


def test_the_report_of_a_store_speaks_of_its_people(store, tmp_path):
    page = cloth_expansion_page.page(replace(TINY, **OF_A_STORE, store=store, coats=("half",)), {}, {}, tmp_path)
    text = page.to_text() + page.footer
    assert "Recorded people" in page.lead
    assert "ynthetic" not in text
    assert "all train and test the same people" in text
    assert "all takes of half of the people" in text
    for wrong in ("other people", "six takes", "(rendered)", "recorded-fresh", "of each seed"):
        assert wrong not in text
    page = cloth_expansion_page.page(TINY, {}, {}, tmp_path)
    rendered = page.to_text() + page.footer
    for right in ("and other people", "six takes", "(rendered)", "recorded-fresh", "of each seed"):
        assert right in rendered


def test_identity_of_others_who_have_no_coat_at_all_has_no_reference(tmp_path):
    study = replace(TINY, variants=("morphological",), sections=("ssim",), rare="half", wanted=2)
    (cell,) = [one for one in study.cells() if one.settings["variant"] == "morphological"]
    people = expanded_people(cell.settings["data"], tmp_path)
    judge = classes.build(Network, cell.settings["judge"]["network"]).eval()
    further = scarce_people(cell.settings["data"]["people"], "half", tmp_path).store()
    found = measures(people, judge, further, classifier_steps=1)["measures"]
    assert 0 <= found["identity of others"][0] <= 1
    assert found["identity of others"][1] is None
    assert "memorized" not in found


def test_a_store_that_shows_no_coats_is_refused(tmp_path):
    with StoreWriter(tmp_path / "store", further={"train": ["a"]}) as writer:
        writer.add(Clip(np.zeros((2, 1, 32, 32), np.uint8), SequenceKey("a", "nm", "01", "000")))
    with pytest.raises(RecipeError, match="frames of 32 px, training people in nm; expected 64 px, nm and cl"):
        replace(TINY, store=tmp_path / "store")


@pytest.mark.slow
def test_all_networks_train_on_the_coats_of_every_rival(tmp_path):
    recipe = yaml.safe_load((Path(__file__).parents[2] / "recipes/studies/coats_rivals.yaml").read_text())
    chosen = {name: recipe[name] for name in ("networks", "variants")}
    study = replace(TINY, sections=("recognition",), rare="half", wanted=2, takes_frames=6, **chosen)
    cells = study.cells()
    assert run_cells(cells, compute, tmp_path) == {}
    assert {(cell.settings["network"], cell.settings["variant"]) for cell in cells} == {
        (network, variant) for network in cloth_expansion.NETWORKS for variant in study.variants
    } - {("GEINet", "hallucination")}
    page = cloth_expansion_page.page(study, read_cells(cells, tmp_path), {}, tmp_path)
    found = {table.title: table.lines for table in page.tables}
    for title in ("Rank-1 against original", "Share of the gap to recorded coats that is closed"):
        variants = [line[1] for line in found[title] if line[0] == "mean of 3 networks"]
        assert {"feature-transport", "draper-covering-whitened", "re-rendered"} <= set(variants)
    for title in (
        "All whitened: rank-1 against whitened",
        "Share of the gap to recorded coats that is closed, all whitened",
    ):
        variants = [line[1] for line in found[title] if line[0] == "mean of 3 networks"]
        assert {"feature-transport", "draper-covering-whitened"} <= set(variants)
        assert not {"original", "re-rendered"} & set(variants)
    assert len(found["Rank-1 of the others against ae-guided-covering"]) > 1


def test_coats_are_hallucinated_where_there_is_a_triplet_loss():
    study = replace(TINY, networks=("GaitSet", "GaitPart", "GEINet"), variants=("even-sampling", "hallucination"))
    cells = [cell.settings for cell in study.cells() if cell.settings["section"] == "recognition"]
    both = {(one["network"], one["variant"]): one["recipe"] for one in cells}
    assert ("GEINet", "hallucination") not in both
    for network in ("GaitSet", "GaitPart"):
        even, made = both[network, "even-sampling"], both[network, "hallucination"]
        assert {name for name in even if even[name] != made[name]} == {"losses"}
        assert {name for name in even["losses"] if even["losses"][name] != made["losses"][name]} == {"triplet"}
        assert made["losses"]["triplet"]["class_path"] == "HallucinatedTripletLoss"
        assert made["losses"]["triplet"]["init_args"] == even["losses"]["triplet"]["init_args"]
        assert made["even"]
    assert both["GEINet", "original"]["even"] is False


def test_every_rival_has_its_turning_point(tmp_path):
    rivals = ("original", "feature-transport", "morphological", "recorded")
    study = replace(TINY, sections=("scarcity",), variants=rivals, coats=("half", "1", "2"), wanted=3)
    cells = study.cells()
    assert study.recorded_coats() == {"half": 4, "2": 8}
    assert {cell.settings["variant"] for cell in cells} == set(rivals)
    assert run_cells(cells, compute, tmp_path) == {}
    page = cloth_expansion_page.page(study, read_cells(cells, tmp_path), {}, tmp_path)
    titles = [f"{name} against original, by the number of recorded coats" for name in ("CL", "NM")]
    tables = {table.title: table.lines for table in page.tables}
    for title in titles:
        assert tables[title][0] == ["made by", "4", "8", "turns"]
        assert [line[0] for line in tables[title][1:]] == list(rivals[1:])
    assert [one.title for section in page.sections for one in section.diagrams] == titles


def test_two_generators_make_coats_in_turn(tmp_path):
    study = replace(TINY, sections=("recognition",), variants=("original", JOINED), wanted=4)
    (cell,) = [one for one in study.cells() if one.settings["variant"] == JOINED]
    store = expanded_people(cell.settings["data"], tmp_path).store()
    both = [one["name"] for one in store.meta["generated"]["makers"]]
    assert both == ["AEGuidedGAN", "Draper"]
    assert all(one["cover"] for one in store.meta["generated"]["makers"])
    assert {key.take for key in store.generated} <= {"03", "04"}


def test_people_are_rendered_again_in_their_own_world(tmp_path):
    study = replace(
        TINY, sections=("recognition",), variants=("original", "re-rendered"), seeds=2, rare="half", wanted=2
    )
    for cell in study.cells():
        if cell.settings["variant"] == "re-rendered":
            people = expanded_people(cell.settings["data"], tmp_path)
            assert list(coats(people, "train").values()) == [2, 2, 2, 2]
            assert people.store().meta["generated"]["name"] == "Rerendering"


def test_realistic_cloth_changing_shows_coats_from_the_front_alone(tmp_path):
    settings = TINY.cells()[0].settings["data"]["people"] | {"views": ["000", "090", "350"]}
    people = scarce_people(settings, "rcc", tmp_path)
    seen = {(key.subject, key.condition): set() for key in people.keys("all")}
    for key in people.keys("all"):
        seen[key.subject, key.condition].add(key.view)
    for number, name in enumerate(people.subjects("train")):
        views = {"000"} if number % 2 == 0 else {"000", "090", "350"}
        assert seen[name, "nm"] == views
        assert seen.get((name, "cl")) == (views if number % 2 == 0 else None)
    assert all(seen[name, "cl"] == {"000", "090", "350"} for name in people.subjects("test"))
    study = replace(
        TINY, sections=("recognition",), variants=("original", "recorded"), rare="rcc", views=("000", "090")
    )
    more = expanded_people(study.cells()[1].settings["data"], tmp_path)
    first = more.subjects("train")[0]
    assert {key.view for key in more.keys("train") if key.subject == first} == {"000"}


def perfect_thickness(people):
    """Mean added width, by hand: each generated take's source rendered without noise, as it was and in the coat.

    And how many of the sources had lost a frame; the steps of those are every way of leaving out so many.
    """
    store, variety, widths, shortened = people.store(), Variety(noise=0.0), [], 0
    settings = store.meta["settings"]
    for line in store.generated.values():
        source = SequenceKey.parse(line["source"])
        who = walkers_people.person(settings["seed"], source.subject, variety)
        take = walkers_people.walk(settings["seed"], source, who, variety)
        camera = walkers_people.camera_of(settings["seed"], source, variety)
        both = [
            align_clip(silhouettes(act(one, settings["frames"]), camera), 64)[0]
            for one in (take, replace(take, outfit=who.coat))
        ]
        seen = store.read(source).frames
        ways = [list(way) for way in combinations(range(settings["frames"]), len(seen))]
        steps = min(ways, key=lambda way: np.abs(both[0][way].astype(int) - seen).sum())
        widths.append(np.array(oracle.thickness(both[1][steps][:, 0].astype(int), both[0][steps][:, 0].astype(int))))
        shortened += len(seen) < settings["frames"]
    return np.concatenate(widths).mean(), shortened


def test_thickness_of_the_rendered_coats_is_that_of_the_renderer(tmp_path):
    variants = ("copying", "morphological", "re-rendered")
    study = replace(TINY, sections=("ssim",), variants=variants, wanted=4)
    found = {}
    for cell in study.cells():
        people = expanded_people(cell.settings["data"], tmp_path)
        found[cell.settings["variant"]] = coat_thickness(people, bodies_of(cell.settings["data"]["people"]))
    assert found["copying"] == {}
    by_hand, shortened = perfect_thickness(people)
    assert shortened
    for one in (found["morphological"], found["re-rendered"]):
        assert one["mean"][1] == pytest.approx(by_hand, abs=0.3)
    assert found["re-rendered"]["apart"] < 1 < found["morphological"]["apart"]
    assert found["re-rendered"]["mean"][0] == pytest.approx(by_hand, abs=0.5)
    results = {cell.name: {"measures": {}, "thickness": found[cell.settings["variant"]]} for cell in study.cells()}
    page = cloth_expansion_page.page(study, results, {}, tmp_path)
    (table,) = [one for one in page.tables if one.title.startswith("Thickness")]
    assert [line[0] for line in table.lines] == ["made by", "morphological", "re-rendered", "rendered"]
