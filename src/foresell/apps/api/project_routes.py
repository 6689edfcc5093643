"""The endpoints that read the project whose folder is served: plans, and what stands on the pages of the dashboard."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from foresell.apps.api.json_answers import encoded, run_in
from foresell.apps.api.problems import Problem
from foresell.apps.api.schemas import PlanRequest, PlanResponse, ViewRequest, ViewResponse
from foresell.apps.api.shared_state import SharedState


def of_project(router: APIRouter, state: SharedState) -> None:
    """Adds the endpoints that read a project."""

    @router.post("/plan", tags=["plan"], response_model=PlanResponse, summary="What to do today, with what-if")
    async def plan(body: PlanRequest) -> Response:
        """Makes a plan, such as that of orders, from the forecasts of the last run and the tables of the settings.

        With `changes`, such as another service level or lead time, it is a what-if plan. It has the overrides of the
        project. No plan is written, and one plan is made at a time.
        """
        folder = _folder(state)
        changes = {name: value for name, value in body.changes.items() if value is not None}

        def content() -> Response:
            from foresell.pipeline.views.finished_project import FinishedProject

            made = FinishedProject(folder).what_if(body.kind, changes)
            return encoded(
                {
                    "kind": made.kind,
                    "headline": made.headline,
                    "findings": [finding.to_dict() for finding in made.findings],
                    "details": made.details(),
                    "total": made.lines.height,
                    "lines": made.lines.head(body.lines).to_dicts(),
                }
            )

        return await run_in(state.plans, content)

    @router.post("/view", tags=["plan"], response_model=ViewResponse, summary="What a page of the dashboard shows")
    async def view(body: ViewRequest) -> Response:
        """Returns what stands on a page of the dashboard, such as the ages of the results or the scores of the models.

        The names of views are those of `foresell show`; an unknown one is answered with all there are. Nothing is
        computed that the last run has not left, and nothing is written.
        """
        folder = _folder(state)
        asked = {name: value for name, value in body.ask.items() if value is not None}

        def content() -> Response:
            from foresell.pipeline import views
            from foresell.pipeline.views.finished_project import FinishedProject

            shown = views.show(FinishedProject(folder), body.view, **asked)
            return encoded({"view": body.view, "shows": views.plain(shown)})

        return await run_in(state.others, content)


def _folder(state: SharedState) -> Path:
    """The folder of the project. Raises Problem where only a model is served."""
    if state.project is None:
        raise Problem(422, "This server has a model and no project. Serve the project's folder for plans and views.")
    return state.project
