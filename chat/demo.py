"""What a fresh installation shows: two models over the same two small documents about a made-up library."""

from pathlib import Path

from django.core.files import File

from accounts.models import User
from collections_app.models import Collection, Provider
from collections_app.services import collection_create
from config.embedded import llm
from documents.services import document_upload

FOLDER = Path(__file__).resolve().parent / "demo_documents"
DOCUMENTS = ("staff-handbook.pdf", "branches.csv")
QUESTIONS = [
    "How many days of annual leave do full-time staff have?",
    "How much may a hotel cost per night?",
    "Who manages the Harbour Branch, and when did it open?",
]


def demo_create(*, owner: User) -> list[Collection]:
    """Create the demo models and hand their documents to the ingestion.

    The first one quotes its passages and needs no LLM. The second one lets the built-in LLM write, where that
    is installed: it shows the stream of a real model, and its name and description call it a toy.

    Args:
        owner: the superadmin who creates them.
    """
    made = [
        collection_create(
            actor=owner,
            name="Larkfield Libraries (demo)",
            description="The staff handbook and the branches of a made-up library service. Answers quote the "
            "documents word for word; no language model is needed.",
            llm_provider=Provider.EXTRACTIVE,
            suggested_questions=QUESTIONS,
        )
    ]
    if llm.available():
        made.append(
            collection_create(
                actor=owner,
                name="Larkfield Libraries, toy LLM (demo)",
                description="The same documents with the built-in SmolLM2, a toy with 135 million "
                "parameters: it shows how answers stream, and it gets things wrong.",
                llm_provider=Provider.BUILTIN,
                llm_model_name=llm.MODEL_NAME,
                temperature=0.0,
                max_tokens=160,
                context_tokens=llm.CONTEXT_TOKENS,
                top_k=3,
                suggested_questions=QUESTIONS,
            )
        )
    for collection in made:
        for name in DOCUMENTS:
            with (FOLDER / name).open("rb") as file:
                document_upload(actor=owner, collection=collection, file=File(file, name=name))
    return made
