"""`GET /healthz`, `GET /version`: is the process alive, and which one is it?"""

from fastapi import APIRouter

from agents import __version__


def health() -> APIRouter:
    """Endpoints that ask nothing of Encord or the database."""
    router = APIRouter(tags=["operations"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "alive"}

    @router.get("/version")
    async def version() -> dict[str, str]:
        """Version of this software."""
        return {"version": __version__}

    return router
