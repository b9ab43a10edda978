"""What a notebook shows of a count: run by a kernel, as a user runs it."""

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

CELL = """
from crowdkit_core.inference import Model
from crowdkit_core.testing.toys import ToyCounter
counted = Model(counter=ToyCounter())("photo.png")
counted
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The output of a cell that ends with a count."""
    folder = tmp_path_factory.mktemp("notebook")
    Image.new("RGB", (64, 48), (90, 120, 60)).save(folder / "photo.png")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = notebook.cells[0].outputs  # other packages may print their warnings first
    (result,) = [each for each in outputs if each.output_type == "execute_result"]
    return result.data


def test_the_picture_is_in_the_page(shown):
    page = shown["text/html"]
    assert "data:image/png;base64," in page
    assert "<figcaption>photo.png: " in page


def test_where_there_are_no_pictures_the_count_is_text(shown):
    text = shown["text/plain"]
    assert text.startswith("Counted(name='photo.png', size=(48, 64), count=")
    assert "tensor" not in text
