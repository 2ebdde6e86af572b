"""Every client package as its documentation shows it; one line each, and an exit code."""

import json
import sys
import urllib.request

URL, MODEL = sys.argv[1], sys.argv[2]
TEXT = "The dog sleeps"
failures = 0


def check(name, f):
    global failures
    try:
        print(f"ok    {name}: {str(f())[:90]}")
    except Exception as error:  # noqa: BLE001: whatever a client throws is a finding
        failures += 1
        print(f"FAIL  {name}: {type(error).__name__}: {str(error)[:300]}")


def post(path, body):
    request = urllib.request.Request(
        URL + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    return json.load(urllib.request.urlopen(request))


RIGHT = post("/v1/generate", {"input": TEXT})["text"]
MEMORY = post("/v1/memories", {"text": TEXT})["id"]


def same(text):
    assert text == RIGHT, (text, RIGHT)
    return text


def openai_clients():
    from langchain_openai import ChatOpenAI
    from openai import NotFoundError, OpenAI

    client = OpenAI(base_url=URL + "/v1", api_key="none", max_retries=0)
    messages = [{"role": "user", "content": TEXT}]
    check("openai models.list", lambda: [m.id for m in client.models.list()])
    check("openai models.retrieve", lambda: client.models.retrieve(MODEL).id)
    check("openai completions", lambda: same(client.completions.create(model=MODEL, prompt=TEXT).choices[0].text))
    check(
        "openai completions, an array",
        lambda: [same(c.text) for c in client.completions.create(model=MODEL, prompt=[TEXT, TEXT]).choices],
    )
    check(
        "openai completions, a stream",
        lambda: same("".join(e.choices[0].text for e in client.completions.create(model=MODEL, prompt=TEXT, stream=True))),
    )
    check(
        "openai chat",
        lambda: same(client.chat.completions.create(model=MODEL, messages=messages).choices[0].message.content),
    )

    def chat_stream():
        text, usage = "", None
        options = {"include_usage": True}
        for event in client.chat.completions.create(model=MODEL, messages=messages, stream=True, stream_options=options):
            if event.choices:
                text += event.choices[0].delta.content or ""
            usage = event.usage or usage
        assert usage.completion_tokens > 0
        return same(text)

    check("openai chat, a stream", chat_stream)
    check("openai responses", lambda: same(client.responses.create(model=MODEL, input=TEXT).output_text))

    def responses_stream():
        return same("".join(e.delta for e in client.responses.create(model=MODEL, input=TEXT, stream=True) if e.type == "response.output_text.delta"))

    check("openai responses, a stream", responses_stream)

    def memory():
        made = client.completions.create(model=MODEL, prompt="", extra_body={"memory": MEMORY})
        assert made.encoder_runs == 0 and made.usage.prompt_tokens_details.cached_tokens > 0
        return same(made.choices[0].text)

    check("openai extra_body memory", memory)

    def unknown():
        try:
            client.completions.create(model="other", prompt=TEXT)
        except NotFoundError as error:
            return error.code
        raise AssertionError("no error")

    check("openai unknown model", unknown)
    chat = ChatOpenAI(base_url=URL + "/v1", api_key="none", model=MODEL, temperature=0)
    check("langchain-openai invoke", lambda: same(chat.invoke(TEXT).content))
    check("langchain-openai stream", lambda: same("".join(c.content for c in chat.stream(TEXT))))


def translation_clients():
    import deepl
    from deep_translator import LibreTranslator
    from libretranslatepy import LibreTranslateAPI

    libre = LibreTranslateAPI(URL + "/")
    check("libretranslatepy translate", lambda: same(libre.translate(TEXT, "en", "de")))
    check("libretranslatepy languages", libre.languages)
    check(
        "deep-translator",
        lambda: same(LibreTranslator(source="en", target="de", custom_url=URL + "/", api_key="none").translate(TEXT)),
    )
    client = deepl.Translator("none:fx", server_url=URL)
    check("deepl translate_text", lambda: same(client.translate_text(TEXT, target_lang="DE").text))
    check("deepl, a list", lambda: [same(r.text) for r in client.translate_text([TEXT, TEXT], source_lang="EN", target_lang="DE")])
    check("deepl languages", lambda: [x.code for x in client.get_target_languages()])
    check("deepl usage", client.get_usage)


def hugging_face_clients():
    from huggingface_hub import InferenceClient

    client = InferenceClient(URL)
    check("huggingface_hub translation", lambda: same(client.translation(TEXT).translation_text))
    check("huggingface_hub summarization", lambda: same(client.summarization(TEXT).summary_text))
    check("huggingface_hub text_generation", lambda: same(client.text_generation(TEXT)))
    check("huggingface_hub text_generation, a stream", lambda: same("".join(client.text_generation(TEXT, stream=True))))


def metrics():
    from prometheus_client.parser import text_string_to_metric_families

    text = urllib.request.urlopen(URL + "/metrics").read().decode()
    families = {family.name for family in text_string_to_metric_families(text)}
    assert {"transept_requests", "transept_memory_bytes", "transept_batch_size"} <= families, families
    return f"{len(families)} families"


openai_clients()
translation_clients()
hugging_face_clients()
check("prometheus-client parser", metrics)
sys.exit(1 if failures else 0)
