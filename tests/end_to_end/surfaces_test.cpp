// The surfaces of other clients, on the wire: what a client reads is where it reads it. The clients
// themselves: tools/clients.
#include <gtest/gtest.h>

#include "base/json.h"
#include "end_to_end/command.h"
#include "end_to_end/http_client.h"
#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

const std::string kText = "The dog sleeps";
constexpr const char* kForm = "Content-Type: application/x-www-form-urlencoded\r\n";

JsonDocument parse(const std::string& text) {
  return JsonDocument::parse(text, "answer");
}

std::string text_of(const Json& value) {
  return std::string(value.as_string());
}

// What follows "data: ", event by event.
std::vector<std::string> events_of(const HttpResult& result) {
  EXPECT_NE(result.headers.find("Content-Type: text/event-stream"), std::string::npos);
  std::vector<std::string> events;
  for (const std::string& line : lines(result.body))
    if (line.starts_with("data: ")) events.push_back(line.substr(6));
  return events;
}

class Surfaces : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new ServerProcess({model("tiny-t5-text"), "--memory-folder", "none", "--translate",
                                 "en:de", "--translate", "fr:de:fr: "});
    const HttpResult right = post("/v1/generate", R"({"input": "The dog sleeps"})");
    right_ = text_of(parse(right.body).root().at("text"));
    const HttpResult made = post("/v1/memories", R"({"text": "The dog sleeps"})");
    memory_ = text_of(parse(made.body).root().at("id"));
  }
  static void TearDownTestSuite() { delete server_; }

  static HttpResult post(const std::string& path, const std::string& body,
                         const std::string& headers = {}) {
    return http(server_->port(), "POST", path, body, headers);
  }
  static HttpResult get(const std::string& path) { return http(server_->port(), "GET", path); }

  static inline ServerProcess* server_ = nullptr;
  static inline std::string right_;   // what the model answers to kText
  static inline std::string memory_;  // of kText
};

TEST_F(Surfaces, WhatIsWrongWithABodyIsSaidWithItsPlace) {
  for (const char* path : {"/v1/generate", "/v1/memories", "/generate", "/v1/completions",
                           "/v1/chat/completions", "/translate", "/v2/translate"}) {
    for (const auto& [body, what] : std::vector<std::pair<std::string, std::string>>{
             {R"({"input": "one \ud83d two"})", "line 1, column 16: "},
             {R"({"input": "x", "n": NaN})", "line 1, column 21: NaN is not a finite number"},
             {R"({"input": "x", "n": 1e999})", "line 1, column 21: 1e999 is not a finite number"},
             {"{\"input\":\n \"x\" \"n\": 1}", "line 2, column 6: unexpected"}}) {
      const HttpResult result = post(path, body);
      EXPECT_EQ(result.status, 400) << path;
      EXPECT_NE(result.body.find(what), std::string::npos) << path << ": " << result.body;
    }
  }
}

TEST_F(Surfaces, OfMembersOfOneNameTheLastCountsAndWholeNumbersAreIntegers) {
  const HttpResult result = post(
      "/v1/generate",
      R"({"input": "x", "options": {"beams": 2.0, "max_new_tokens": 2e1}, "input": "The dog sleeps"})");
  EXPECT_EQ(result.status, 200) << result.body;
  const HttpResult once = post("/v1/generate", R"({"input": "The dog sleeps",
                                "options": {"beams": 2, "max_new_tokens": 20}})");
  EXPECT_EQ(text_of(parse(result.body).root().at("text")),
            text_of(parse(once.body).root().at("text")));
}

TEST_F(Surfaces, LibreTranslateTakesJsonFormsAndQueries) {
  for (const HttpResult& result :
       {post("/translate", R"({"q": "The dog sleeps", "source": "en", "target": "de"})"),
        post("/translate", "q=The+dog%20sleeps&source=en&target=de&format=text", kForm),
        post("/translate?q=The+dog+sleeps&source=en&target=de&api_key=none", "")}) {
    ASSERT_EQ(result.status, 200) << result.body;
    EXPECT_EQ(text_of(parse(result.body).root().at("translatedText")), right_);
    EXPECT_FALSE(parse(result.body).root().find("detectedLanguage"));
  }
}

TEST_F(Surfaces, LibreTranslateAnswersABatchAsABatch) {
  const HttpResult batch =
      post("/translate", R"({"q": ["The dog sleeps", "a"], "source": "en", "target": "de"})");
  const JsonDocument document = parse(batch.body);
  const std::vector<Json> texts = document.root().at("translatedText").elements();
  ASSERT_EQ(texts.size(), 2U);
  EXPECT_EQ(text_of(texts[0]), right_);
  const HttpResult one =
      post("/translate", R"({"q": ["The dog sleeps"], "source": "en", "target": "de"})");
  EXPECT_TRUE(parse(one.body).root().at("translatedText").is_array());
}

TEST_F(Surfaces, LibreTranslateSaysWhatItCannotDo) {
  const auto refused = [&](const HttpResult& result, int status, const char* words) {
    EXPECT_EQ(result.status, status) << result.body;
    EXPECT_NE(text_of(parse(result.body).root().at("error")).find(words), std::string::npos)
        << result.body;
  };
  refused(post("/translate", R"({"q": "a", "source": "en", "target": "xx"})"), 400, "fr to de");
  refused(post("/translate", R"({"q": "a", "source": "auto", "target": "de"})"), 400, "detect");
  refused(post("/translate", R"({"source": "en", "target": "de"})"), 400, "q is missing");
  refused(post("/translate", R"({"q": "a", "source": "en", "target": "de", "format": "html"})"),
          422, "html");
  refused(post("/detect", R"({"q": "a"})"), 501, "detector");
  refused(post("/translate", "<q/>", "Content-Type: text/xml\r\n"), 415, "application/json");
}

TEST_F(Surfaces, LibreTranslateListsLanguages) {
  const JsonDocument document = parse(get("/languages").body);
  std::string all;
  for (const Json& language : document.root().elements())
    all += text_of(language.at("code")) + ">" +
           std::to_string(language.at("targets").elements().size()) + " ";
  EXPECT_EQ(all, "de>0 en>1 fr>1 ");
}

TEST_F(Surfaces, DeepLTakesJsonAndForms) {
  for (const HttpResult& result :
       {post("/v2/translate",
             R"({"text": ["The dog sleeps"], "source_lang": "EN", "target_lang": "DE-DE"})"),
        post("/v2/translate", "text=The+dog+sleeps&text=a&source_lang=EN&target_lang=DE", kForm)}) {
    ASSERT_EQ(result.status, 200) << result.body;
    const JsonDocument document = parse(result.body);
    const Json first = document.root().at("translations").elements().front();
    EXPECT_EQ(text_of(first.at("text")), right_);
    EXPECT_EQ(text_of(first.at("detected_source_language")), "EN");
    EXPECT_EQ(first.at("billed_characters").as_int(), 0);
  }
  const HttpResult targets = get("/v2/languages?type=target");
  EXPECT_EQ(targets.body, R"([{"language":"DE","name":"German","supports_formality":false}])");
  EXPECT_EQ(get("/v2/usage").status, 200);
  const HttpResult html =
      post("/v2/translate", R"({"text": ["a"], "target_lang": "DE", "tag_handling": "html"})");
  EXPECT_EQ(html.status, 422);
  EXPECT_TRUE(parse(html.body).root().find("message"));
}

TEST_F(Surfaces, OpenAiCompletes) {
  for (const char* prompt : {R"("The dog sleeps")", R"(["The dog sleeps", "The dog sleeps"])"}) {
    const HttpResult result = post(
        "/v1/completions", R"({"model": "tiny-t5-text", "prompt": )" + std::string(prompt) + "}");
    ASSERT_EQ(result.status, 200) << result.body;
    const JsonDocument document = parse(result.body);
    EXPECT_EQ(text_of(document.root().at("object")), "text_completion");
    std::int64_t index = 0;
    for (const Json& choice : document.root().at("choices").elements()) {
      EXPECT_EQ(choice.at("index").as_int(), index++);
      EXPECT_EQ(text_of(choice.at("text")), right_);
      EXPECT_EQ(text_of(choice.at("finish_reason")), "length");
    }
    EXPECT_EQ(index, *prompt == '[' ? 2 : 1);
    const Json usage = document.root().at("usage");
    EXPECT_EQ(usage.at("total_tokens").as_int(),
              usage.at("prompt_tokens").as_int() + usage.at("completion_tokens").as_int());
  }
  const JsonDocument few =
      parse(post("/v1/completions", R"({"prompt": "The dog sleeps", "max_tokens": 2})").body);
  EXPECT_EQ(few.root().at("usage").at("completion_tokens").as_int(), 2);
}

TEST_F(Surfaces, OpenAiReadsAMemory) {
  const HttpResult result =
      post("/v1/completions", R"({"prompt": "for me", "memory": ")" + memory_ + R"("})");
  ASSERT_EQ(result.status, 200) << result.body;
  const JsonDocument document = parse(result.body);
  EXPECT_EQ(document.root().at("encoder_runs").as_int(), 0);
  const Json details = document.root().at("usage").at("prompt_tokens_details");
  EXPECT_EQ(details.at("cached_tokens").as_int(), 9);  // the memory's rows
  const HttpResult native =
      post("/v1/generate", R"({"prompt": "for me", "memory": ")" + memory_ + R"("})");
  EXPECT_EQ(text_of(document.root().at("choices").elements()[0].at("text")),
            text_of(parse(native.body).root().at("text")));
}

TEST_F(Surfaces, OpenAiChats) {
  const std::string messages = R"("messages": [{"role": "user", "content": "The dog sleeps"}])";
  const HttpResult whole = post("/v1/chat/completions", "{" + messages + "}");
  ASSERT_EQ(whole.status, 200) << whole.body;
  const JsonDocument document = parse(whole.body);
  const Json message = document.root().at("choices").elements()[0].at("message");
  EXPECT_EQ(text_of(message.at("role")), "assistant");
  EXPECT_EQ(text_of(message.at("content")), right_);
  const HttpResult stream =
      post("/v1/chat/completions",
           "{" + messages + R"(, "stream": true, "stream_options": {"include_usage": true}})");
  const std::vector<std::string> events = events_of(stream);
  ASSERT_GE(events.size(), 4U);
  EXPECT_EQ(events.back(), "[DONE]");
  EXPECT_NE(events[0].find("\"role\":\"assistant\""), std::string::npos);
  std::string text;
  for (size_t i = 0; i + 2 < events.size(); ++i) {
    const JsonDocument event = parse(events[i]);
    EXPECT_EQ(text_of(event.root().at("object")), "chat.completion.chunk");
    text += event.root().at("choices").elements()[0].at("delta").get("content", "");
  }
  EXPECT_EQ(text, right_);
  EXPECT_TRUE(parse(events[events.size() - 2]).root().find("usage"));
}

TEST_F(Surfaces, OpenAiStopsAtAStopText) {
  ASSERT_GT(right_.size(), 6U);
  const std::string stop = right_.substr(3, 3);
  const auto steps = [] {
    return std::stoi(metric(server_->port(), "transept_batch_size_count{model=\"tiny-t5-text\"}"));
  };
  int before = steps();
  (void)post("/v1/completions", R"({"prompt": "The dog sleeps"})");
  const int whole = steps() - before;
  for (const char* stream : {"false", "true"}) {
    before = steps();
    const HttpResult result =
        post("/v1/completions", R"({"prompt": "The dog sleeps", "stop": [")" + stop +
                                    R"("], "stream": )" + stream + "}");
    std::string text;
    std::string reason;
    const auto take = [&](const std::string& json) {
      const JsonDocument document = parse(json);
      const Json choice = document.root().at("choices").elements()[0];
      text += text_of(choice.at("text"));
      reason = choice.get("finish_reason", "");
    };
    if (*stream == 'f') {
      take(result.body);
    } else {
      for (const std::string& event : events_of(result))
        if (event != "[DONE]") take(event);
    }
    EXPECT_EQ(text, right_.substr(0, right_.find(stop)));
    EXPECT_EQ(reason, "stop");
    EXPECT_LT(steps() - before, whole) << "it went on where nobody reads";
  }
}

// Cut by hand, what the same request answers without stops; and no more tokens than that takes.
TEST_F(Surfaces, OpenAiStopsBeamsAndDrawnTextsToo) {
  for (const std::string search :
       {R"("options": {"beams": 4})", R"("n": 3, "temperature": 1.5, "seed": 5)"}) {
    const std::string body = R"({"prompt": "The dog sleeps", )" + search;
    const JsonDocument whole = parse(post("/v1/completions", body + "}").body);
    const std::vector<Json> texts = whole.root().at("choices").elements();
    const std::string stop = text_of(texts[0].at("text")).substr(4, 9);
    const JsonDocument stopped =
        parse(post("/v1/completions", body + R"(, "stop": ")" + stop + "\"}").body);
    const std::vector<Json> choices = stopped.root().at("choices").elements();
    ASSERT_EQ(choices.size(), texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      const std::string text = text_of(texts[i].at("text"));
      EXPECT_EQ(text_of(choices[i].at("text")), text.substr(0, text.find(stop))) << search;
      if (text.find(stop) == std::string::npos) continue;
      EXPECT_EQ(text_of(choices[i].at("finish_reason")), "stop") << search;
    }
    const auto tokens = [](const JsonDocument& answer) {
      return answer.root().at("usage").at("completion_tokens").as_int();
    };
    EXPECT_LT(tokens(stopped), tokens(whole)) << search;
    if (texts.size() > 1) continue;
    std::string streamed;
    const HttpResult stream =
        post("/v1/completions", body + R"(, "stream": true, "stop": [")" + stop + "\"]}");
    for (const std::string& event : events_of(stream))
      if (event != "[DONE]")
        streamed += text_of(parse(event).root().at("choices").elements()[0].at("text"));
    EXPECT_EQ(streamed, text_of(choices[0].at("text")));
  }
}

TEST_F(Surfaces, OpenAiResponds) {
  const HttpResult whole = post("/v1/responses", R"({"input": "The dog sleeps"})");
  ASSERT_EQ(whole.status, 200) << whole.body;
  const JsonDocument document = parse(whole.body);
  const Json message = document.root().at("output").elements()[0];
  EXPECT_EQ(text_of(message.at("content").elements()[0].at("text")), right_);
  EXPECT_EQ(text_of(document.root().at("status")), "incomplete");  // the limit was reached
  const HttpResult stream = post("/v1/responses", R"({"input": "The dog sleeps", "stream": true})");
  const std::vector<std::string> events = events_of(stream);
  std::string text;
  for (size_t i = 0; i < events.size(); ++i) {
    const JsonDocument event = parse(events[i]);
    EXPECT_EQ(event.root().at("sequence_number").as_int(), static_cast<std::int64_t>(i));
    if (event.root().get("type", "") == "response.output_text.delta")
      text += event.root().at("delta").as_string();
  }
  EXPECT_EQ(text, right_);
  EXPECT_NE(stream.body.find("event: response.created\n"), std::string::npos);
  EXPECT_NE(stream.body.find("event: response.incomplete\n"), std::string::npos);
}

TEST_F(Surfaces, OpenAiListsModelsAndRefusesInItsOwnWords) {
  const JsonDocument models = parse(get("/v1/models").body);
  EXPECT_EQ(text_of(models.root().at("data").elements()[0].at("id")), "tiny-t5-text");
  EXPECT_EQ(get("/v1/models/tiny-t5-text").status, 200);
  const auto refused = [&](const HttpResult& result, int status, const char* code) {
    EXPECT_EQ(result.status, status) << result.body;
    const JsonDocument document = parse(result.body);
    EXPECT_EQ(text_of(document.root().at("error").at("type")), "invalid_request_error");
    EXPECT_EQ(text_of(document.root().at("error").at("code")), code);
  };
  refused(get("/v1/models/other"), 404, "not_found");
  refused(post("/v1/completions", R"({"model": "other", "prompt": "a"})"), 404, "not_found");
  refused(post("/v1/completions", R"({"prompt": "a", "logprobs": 3})"), 422, "unsupported");
  refused(post("/v1/completions", R"({"prompt": []})"), 400, "bad_request");
  refused(post("/v1/completions", R"({"prompt": "a", "temperature": -1})"), 400, "bad_request");
  refused(post("/v1/chat/completions", R"({"messages": []})"), 400, "bad_request");
  refused(post("/v1/chat/completions",
               R"({"messages": [{"role": "user", "content": "a"}], "tools": [{}]})"),
          422, "unsupported");
  refused(post("/v1/responses", R"({"input": "a", "previous_response_id": "b"})"), 422,
          "unsupported");
}

TEST_F(Surfaces, HuggingFaceTranslatesAndSummarizes) {
  const HttpResult one = post("/", R"({"inputs": "The dog sleeps"})");
  ASSERT_EQ(one.status, 200) << one.body;
  const JsonDocument document = parse(one.body);
  const Json first = document.root().elements()[0];
  for (const char* name : {"generated_text", "translation_text", "summary_text"})
    EXPECT_EQ(text_of(first.at(name)), right_);
  const HttpResult two = post("/", R"({"inputs": ["The dog sleeps", "a"]})");
  EXPECT_EQ(parse(two.body).root().size(), 2U);
  const HttpResult asked = post("/", R"({"inputs": "for me", "parameters": {"memory": ")" +
                                         memory_ + R"(", "max_new_tokens": 3}})");
  EXPECT_EQ(parse(asked.body).root().elements()[0].at("encoder_runs").as_int(), 0);
}

TEST_F(Surfaces, TextGenerationInferenceStreams) {
  const HttpResult whole = post("/generate", R"({"inputs": "The dog sleeps"})");
  EXPECT_EQ(text_of(parse(whole.body).root().at("generated_text")), right_);
  const std::vector<std::string> events =
      events_of(post("/generate_stream", R"({"inputs": "The dog sleeps"})"));
  std::string text;
  for (size_t i = 0; i < events.size(); ++i) {
    const JsonDocument event = parse(events[i]);
    text += event.root().at("token").at("text").as_string();
    EXPECT_EQ(event.root().find("generated_text").has_value(), i + 1 == events.size());
  }
  EXPECT_EQ(text, right_);
  EXPECT_EQ(text_of(parse(get("/info").body).root().at("model_id")), "tiny-t5-text");
  const HttpResult refused =
      post("/generate", R"({"inputs": "a", "parameters": {"watermark": true}})");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(text_of(parse(refused.body).root().at("error_type")), "validation");
}

TEST_F(Surfaces, AnUnknownMethodIsNotAllowed) {
  const HttpResult result = http(server_->port(), "QUERY", "/v1/models");
  EXPECT_EQ(result.status, 405);
  EXPECT_NE(result.headers.find("Allow: GET"), std::string::npos) << result.headers;
}

TEST_F(Surfaces, DescribesEveryPath) {
  const JsonDocument description = parse(get("/openapi.json").body);
  for (const char* path : {"/",
                           "/v1/memories",
                           "/v1/generate",
                           "/v1/score",
                           "/v1/explain",
                           "/v1/occlusion",
                           "/v1/beams",
                           "/v1/completions",
                           "/v1/chat/completions",
                           "/v1/responses",
                           "/v1/models",
                           "/translate",
                           "/languages",
                           "/detect",
                           "/v2/translate",
                           "/v2/languages",
                           "/v2/usage",
                           "/generate",
                           "/generate_stream",
                           "/info"})
    EXPECT_TRUE(description.root().at("paths").find(path)) << path;
}

}  // namespace
}  // namespace transept::testing
