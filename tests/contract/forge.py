"""What every forge has to do. An adapter's test module subclasses :class:`ForgeContract` and gives it a world."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor

import pytest

from fleet.errors import BaseMovedError, ConflictError, ForgeError
from fleet.model.pull_request import CheckState, PullRequest, PullRequestDraft, PullRequestState
from fleet.ports.forge import Forge

BRANCH = "fleet/promote/staging/bookinfo"


class ForgeWorld(ABC):
    """A remote repository with a `main` branch, its forge, and people who use both."""

    @abstractmethod
    def forge(self, person: str) -> Forge:
        """Return the forge as one person uses it; asked again, another connection of the same person."""

    @abstractmethod
    def push(self, branch: str, path: str, content: str, *, start: str = "main") -> str:
        """Put a commit with one changed file on a branch, from the head of another one; force. Return the commit."""

    @abstractmethod
    def delete(self, branch: str) -> None:
        """Delete a branch by hand."""

    @abstractmethod
    def head(self, branch: str) -> str | None:
        """Return the head of a branch."""

    @abstractmethod
    def content(self, revision: str, path: str) -> str | None:
        """Return a file of a commit; None: it is not there."""

    @abstractmethod
    def parents(self, revision: str) -> tuple[str, ...]:
        """Return the parents of a commit."""

    @abstractmethod
    def merge_by_hand(self, branch: str) -> None:
        """Merge a branch into main without the forge."""


def draft(
    head: str, *, branch: str = BRANCH, title: str = "Promote bookinfo to staging", body: str = ""
) -> PullRequestDraft:
    return PullRequestDraft(
        title=title, body=body or "What moves.", branch=branch, base_branch="main", head=head, labels=("fleet",)
    )


class ForgeContract(ABC):
    """The suite. Names of tests say the behaviour."""

    @pytest.fixture
    @abstractmethod
    def world(self) -> ForgeWorld: ...

    # ── open ──

    def test_open_gives_a_pull_request_with_everything_in_it(self, world: ForgeWorld) -> None:
        head = world.push(BRANCH, "a.txt", "2")
        opened = world.forge("Ada").open(draft(head, body="Moves **reviews**.\n\n* [ ] soak\n"))
        assert opened.number >= 1
        assert (opened.state, opened.head, opened.branch, opened.base_branch) == ("open", head, BRANCH, "main")
        assert opened.body == "Moves **reviews**.\n\n* [ ] soak\n"
        assert "Ada" in opened.author
        assert opened.labels == ("fleet",)
        assert opened.approvals == ()
        assert world.forge("Bob").get(opened.number) == opened
        assert world.forge("Bob").find_open(BRANCH) == opened

    def test_opening_twice_gives_the_same_pull_request(self, world: ForgeWorld) -> None:
        head = world.push(BRANCH, "a.txt", "2")
        first = world.forge("Ada").open(draft(head))
        assert world.forge("Ada").open(draft(head)) == first
        assert len(world.forge("Ada").list(None)) == 1

    def test_opening_again_with_a_new_head_updates_in_place(self, world: ForgeWorld) -> None:
        first = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        head = world.push(BRANCH, "a.txt", "3")
        second = world.forge("Bob").open(draft(head, title="Promote bookinfo 1.3.0", body="newer"))
        assert (second.number, second.head, second.title, second.body) == (
            first.number,
            head,
            "Promote bookinfo 1.3.0",
            "newer",
        )
        assert second.author == first.author

    def test_open_refuses_a_head_that_the_branch_does_not_have(self, world: ForgeWorld) -> None:
        stale = world.push(BRANCH, "a.txt", "2")
        world.push(BRANCH, "a.txt", "3")
        with pytest.raises(ConflictError):
            world.forge("Ada").open(draft(stale))
        with pytest.raises(ConflictError):
            world.forge("Ada").open(draft(stale, branch="fleet/promote/staging/other"))
        assert world.forge("Ada").list(None) == ()

    def test_open_refuses_to_merge_a_branch_into_itself(self, world: ForgeWorld) -> None:
        head = world.head("main")
        assert head
        with pytest.raises(ForgeError):
            world.forge("Ada").open(draft(head, branch="main"))

    def test_a_branch_gets_a_new_pull_request_after_the_old_one_is_over(self, world: ForgeWorld) -> None:
        first = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        world.forge("Ada").close(first.number)
        second = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "3")))
        assert second.number != first.number
        assert [p.number for p in world.forge("Ada").list()] == [second.number]
        assert [p.number for p in world.forge("Ada").list(None)] == [second.number, first.number]

    # ── checks ──

    def test_a_check_belongs_to_a_head_and_its_newest_report_counts(self, world: ForgeWorld) -> None:
        head = world.push(BRANCH, "a.txt", "2")
        number = world.forge("Ada").open(draft(head)).number
        world.forge("Bob").report(number, head, "ci/test", CheckState.PENDING)
        failed = world.forge("Bob").report(number, head, "ci/test", CheckState.FAILURE, "https://ci.example.com/1")
        said = failed.check("ci/test")
        assert said is not None
        assert (said.state, said.url) == (CheckState.FAILURE, "https://ci.example.com/1")
        assert world.forge("Ada").get(number).checks == failed.checks
        assert failed.check("ci/lint") is None
        world.push(BRANCH, "a.txt", "3")
        assert world.forge("Ada").get(number).check("ci/test") is None

    def test_a_report_about_an_earlier_head_or_a_closed_pull_request_is_refused(self, world: ForgeWorld) -> None:
        head = world.push(BRANCH, "a.txt", "2")
        number = world.forge("Ada").open(draft(head)).number
        newer = world.push(BRANCH, "a.txt", "3")
        with pytest.raises(ConflictError):
            world.forge("Bob").report(number, head, "ci/test", CheckState.SUCCESS)
        world.forge("Ada").close(number)
        with pytest.raises(ForgeError):
            world.forge("Bob").report(number, newer, "ci/test", CheckState.SUCCESS)

    # ── read ──

    def test_unknown_number_is_an_error_that_says_so(self, world: ForgeWorld) -> None:
        with pytest.raises(ForgeError, match="#4711"):
            world.forge("Ada").get(4711)

    def test_find_open_gives_nothing_for_a_branch_without_one(self, world: ForgeWorld) -> None:
        assert world.forge("Ada").find_open("nowhere") is None

    def test_list_filters_by_state(self, world: ForgeWorld) -> None:
        forge = world.forge("Ada")
        numbers = {}
        for name in ("open", "merged", "closed"):
            head = world.push(f"topic/{name}", f"{name}.txt", "x")
            numbers[name] = forge.open(draft(head, branch=f"topic/{name}")).number
        forge.merge(numbers["merged"], forge.get(numbers["merged"]).head, "Merge")
        forge.close(numbers["closed"])
        for state in PullRequestState:
            assert [p.number for p in forge.list(state)] == [numbers[state.value]]

    # ── approve ──

    def test_approval_counts_for_the_present_head(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        approved = world.forge("Bob").approve(opened.number, opened.head)
        assert len(approved.approvers) == 1
        assert "Bob" in approved.approvers[0]
        assert world.forge("Ada").get(opened.number).approvers == approved.approvers

    def test_approving_twice_counts_once(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        world.forge("Bob").approve(opened.number, opened.head)
        again = world.forge("Bob").approve(opened.number, opened.head)
        assert len(again.approvers) == 1
        assert len(world.forge("Eve").approve(opened.number, opened.head).approvers) == 2

    def test_author_cannot_approve(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        with pytest.raises(ForgeError, match="cannot approve"):
            world.forge("Ada").approve(opened.number, opened.head)
        assert world.forge("Ada").get(opened.number).approvers == ()

    def test_a_new_head_does_not_inherit_approvals(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        world.forge("Bob").approve(opened.number, opened.head)
        updated = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "3")))
        assert updated.approvers == ()
        assert [a.head for a in updated.approvals] == [opened.head]

    def test_approving_a_head_that_is_not_the_present_one_is_refused(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "3")))
        with pytest.raises(ConflictError):
            world.forge("Bob").approve(opened.number, opened.head)

    def test_what_is_over_cannot_be_approved(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        world.forge("Ada").close(opened.number)
        with pytest.raises(ForgeError):
            world.forge("Bob").approve(opened.number, opened.head)

    # ── comment ──

    def test_comments_are_kept_in_order(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        world.forge("Bob").comment(opened.number, "Why now?")
        world.forge("Ada").comment(opened.number, "Because.")
        comments = world.forge("Ada").get(opened.number).comments
        assert [(c.text, c.by.split()[0]) for c in comments] == [("Why now?", "Bob"), ("Because.", "Ada")]

    # ── merge ──

    def test_merge_makes_a_merge_commit_and_deletes_the_branch(self, world: ForgeWorld) -> None:
        base = world.head("main")
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        merged = world.forge("Bob").merge(opened.number, opened.head, "Merge it\n\nFleet-Pull-Request: 1")
        main = world.head("main")
        assert main
        assert merged.state is PullRequestState.MERGED
        assert merged.merge_commit == main
        assert "Bob" in (merged.merged_by or "")
        assert world.parents(main) == (base, opened.head)
        assert world.content(main, "a.txt") == "2"
        assert world.head(BRANCH) is None
        assert world.forge("Ada").list() == ()

    def test_fast_forward_where_possible(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        merged = world.forge("Bob").merge(opened.number, opened.head, "unused", fast_forward=True)
        assert world.head("main") == merged.merge_commit == opened.head

    def test_fast_forward_falls_back_to_a_merge_commit(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        base = world.push("main", "b.txt", "b")
        world.forge("Bob").merge(opened.number, opened.head, "Merge", fast_forward=True)
        main = world.head("main")
        assert main
        assert world.parents(main) == (base, opened.head)

    def test_merging_twice_gives_the_merged_one(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        merged = world.forge("Bob").merge(opened.number, opened.head, "Merge")
        main = world.head("main")
        assert world.forge("Bob").merge(opened.number, opened.head, "Merge") == merged
        assert world.head("main") == main

    def test_merging_a_stale_head_is_refused(self, world: ForgeWorld) -> None:
        base = world.head("main")
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        world.push(BRANCH, "a.txt", "3")
        with pytest.raises(ConflictError):
            world.forge("Bob").merge(opened.number, opened.head, "Merge")
        assert world.head("main") == base

    def test_a_conflict_names_the_file_and_changes_nothing(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        base = world.push("main", "a.txt", "other")
        with pytest.raises(ConflictError, match=r"a\.txt"):
            world.forge("Bob").merge(opened.number, opened.head, "Merge")
        assert world.head("main") == base
        assert world.forge("Ada").get(opened.number).state is PullRequestState.OPEN

    def test_merge_into_the_base_that_was_judged(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        base = world.head("main")
        merged = world.forge("Bob").merge(opened.number, opened.head, "Merge", base=base)
        assert merged.state is PullRequestState.MERGED
        assert world.parents(world.head("main") or "") == (base, opened.head)
        assert world.forge("Bob").merge(opened.number, opened.head, "Merge", base=base) == merged

    @pytest.mark.parametrize("fast_forward", [True, False])
    def test_a_base_that_moved_since_it_was_judged_is_refused(self, world: ForgeWorld, fast_forward: bool) -> None:
        judged = world.head("main")
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        base = world.push("main", "b.txt", "b")
        with pytest.raises(BaseMovedError, match="main"):
            world.forge("Bob").merge(opened.number, opened.head, "Merge", base=judged, fast_forward=fast_forward)
        assert world.head("main") == base
        assert world.forge("Ada").get(opened.number).state is PullRequestState.OPEN
        assert world.head(BRANCH) == opened.head

    def test_closed_cannot_be_merged(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        world.forge("Ada").close(opened.number)
        with pytest.raises(ForgeError):
            world.forge("Ada").merge(opened.number, opened.head, "Merge")

    def test_what_a_person_merged_by_hand_becomes_merged(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        world.merge_by_hand(BRANCH)
        main = world.head("main")
        merged = world.forge("Bob").merge(opened.number, opened.head, "Merge")
        assert merged.state is PullRequestState.MERGED
        assert world.head("main") == main

    # ── close ──

    def test_close_deletes_the_branch_and_keeps_the_comment(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        closed = world.forge("Bob").close(opened.number, "superseded")
        assert closed.state is PullRequestState.CLOSED
        assert [c.text for c in closed.comments] == ["superseded"]
        assert world.head(BRANCH) is None
        assert world.forge("Ada").close(opened.number).state is PullRequestState.CLOSED

    def test_merged_cannot_be_closed(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        world.forge("Ada").merge(opened.number, opened.head, "Merge")
        with pytest.raises(ForgeError):
            world.forge("Ada").close(opened.number)

    # ── people with git ──

    def test_head_follows_a_branch_that_a_person_moved(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        world.forge("Bob").approve(opened.number, opened.head)
        head = world.push(BRANCH, "a.txt", "by hand")
        seen = world.forge("Ada").get(opened.number)
        assert (seen.head, seen.approvers) == (head, ())
        approved = world.forge("Bob").approve(opened.number, head)
        assert (approved.head, len(approved.approvers)) == (head, 1)

    def test_a_deleted_branch_is_explained(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        world.delete(BRANCH)
        with pytest.raises(ForgeError, match="deleted"):
            world.forge("Bob").approve(opened.number, opened.head)
        with pytest.raises(ForgeError, match="deleted"):
            world.forge("Bob").merge(opened.number, opened.head, "Merge")
        assert world.forge("Ada").close(opened.number).state is PullRequestState.CLOSED

    # ── races ──

    @pytest.mark.parametrize("people", [2, 6])
    def test_opening_one_branch_at_once_gives_one_pull_request(self, world: ForgeWorld, people: int) -> None:
        head = world.push(BRANCH, "a.txt", "2")
        forges = [world.forge(f"P{n}") for n in range(people)]
        with ThreadPoolExecutor(people) as pool:
            opened = list(pool.map(lambda forge: forge.open(draft(head)), forges))
        assert len({p.number for p in opened}) == 1
        assert len(world.forge("Ada").list(None)) == 1

    def test_opening_many_branches_at_once_gives_each_its_own_number(self, world: ForgeWorld) -> None:
        branches = [f"fleet/promote/staging/app-{n}" for n in range(6)]
        heads = {b: world.push(b, f"{b}.txt", "2") for b in branches}
        forges = {b: world.forge(f"P{n}") for n, b in enumerate(branches)}

        def open_one(branch: str) -> PullRequest:
            return forges[branch].open(draft(heads[branch], branch=branch))

        with ThreadPoolExecutor(len(branches)) as pool:
            opened = list(pool.map(open_one, branches))
        assert len({p.number for p in opened}) == len(branches)
        assert {p.branch: p.number for p in world.forge("Ada").list()} == {p.branch: p.number for p in opened}

    def test_of_merges_at_once_that_were_judged_for_one_base_one_happens(self, world: ForgeWorld) -> None:
        opened = []
        for n in range(3):
            head = world.push(f"topic/{n}", f"{n}.txt", str(n))
            opened.append(world.forge("Ada").open(draft(head, branch=f"topic/{n}")))
        base = world.head("main")
        forges = [world.forge(f"P{n}") for n in range(3)]

        def merge_one(n: int) -> bool:
            try:
                forges[n].merge(opened[n].number, opened[n].head, f"Merge {n}", base=base)
            except BaseMovedError:
                return False
            return True

        with ThreadPoolExecutor(3) as pool:
            assert sum(pool.map(merge_one, range(3))) == 1
        main = world.head("main")
        assert main
        assert world.parents(main)[0] == base

    def test_approvals_at_once_all_count(self, world: ForgeWorld) -> None:
        opened = world.forge("Ada").open(draft(world.push(BRANCH, "a.txt", "2")))
        forges = [world.forge(f"P{n}") for n in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda forge: forge.approve(opened.number, opened.head), forges))
        assert len(world.forge("Ada").get(opened.number).approvers) == 4

    def test_merging_two_pull_requests_at_once_merges_both(self, world: ForgeWorld) -> None:
        opened = []
        for n in range(3):
            head = world.push(f"topic/{n}", f"{n}.txt", str(n))
            opened.append(world.forge("Ada").open(draft(head, branch=f"topic/{n}")))
        forges = [world.forge(f"P{n}") for n in range(3)]

        def merge_one(n: int) -> PullRequest:
            return forges[n].merge(opened[n].number, opened[n].head, f"Merge {n}")

        with ThreadPoolExecutor(3) as pool:
            merged = list(pool.map(merge_one, range(3)))
        main = world.head("main")
        assert main
        assert [p.state for p in merged] == [PullRequestState.MERGED] * 3
        assert [world.content(main, f"{n}.txt") for n in range(3)] == ["0", "1", "2"]
