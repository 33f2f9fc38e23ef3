from tests.fakes.sidecar import RunningSidecar

HOSTILE = "const a = '</script><img src=x onerror=alert(1)>';"


async def test_code_comes_back_as_pieces_of_text(sidecar: RunningSidecar) -> None:
    async with sidecar.http.post(
        "/api/highlight", json={"path": "a.ts", "text": HOSTILE}
    ) as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        [line] = (await answer.json())["lines"]

    assert line[0] == ["keyword", "const"]
    assert "".join(text for _, text in line) == HOSTILE


async def test_a_text_without_its_name_is_refused_by_the_field(sidecar: RunningSidecar) -> None:
    async with sidecar.http.post("/api/highlight", json={"text": "a"}) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["field"] == "path"
