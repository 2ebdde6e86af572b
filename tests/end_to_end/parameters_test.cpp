// What a request says and no surface knows is an error that names it; what says nothing passes.
#include <gtest/gtest.h>

#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

class Parameters : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new ServerProcess({"--memory-folder", "none"});  // the model that lists prompts
  }
  static void TearDownTestSuite() { delete server_; }
  static HttpResult post(const std::string& path, const std::string& body) {
    return http(server_->port(), "POST", path, body);
  }
  static inline ServerProcess* server_ = nullptr;
};

std::string with(const std::string& body, const std::string& member) {
  std::string changed = body;
  const size_t at = changed.find("%");
  return changed.replace(at, 1, member.empty() ? "" : ", " + member);
}

const std::vector<std::pair<std::string, std::string>> kSurfaces = {
    {"/v1/generate", R"({"input": "I am tired."%})"},
    {"/v1/generate", R"({"input": "I am tired.", "options": {"beams": 1%}})"},
    {"/v1/score", R"({"input": "I am tired.", "target": "a"%})"},
    {"/v1/explain", R"({"input": "I am tired.", "steps": 1%})"},
    {"/v1/memories", R"({"text": "I am tired."%})"},
    {"/v1/completions", R"({"prompt": "I am tired."%})"},
    {"/v1/chat/completions", R"({"messages": [{"role": "user", "content": "I am tired."}]%})"},
    {"/v1/responses", R"({"input": "I am tired."%})"},
    {"/", R"({"inputs": "I am tired."%})"},
    {"/generate", R"({"inputs": "I am tired.", "parameters": {"max_new_tokens": 5%}})"},
    {"/", R"({"inputs": "I am tired.", "parameters": {"generate_parameters": {"top_k": 5%}}})"},
    {"/translate", R"({"q": "I am tired.", "source": "en", "target": "de"%})"},
    {"/v2/translate", R"({"text": ["I am tired."], "source_lang": "EN", "target_lang": "DE"%})"}};

TEST_F(Parameters, ThatNobodyKnowsAreNamed) {
  for (const auto& [path, body] : kSurfaces) {
    const int right = path == "/v1/memories" ? 201 : 200;
    const HttpResult plain = post(path, with(body, ""));
    EXPECT_TRUE(plain.status == right || plain.status == 200) << path << plain.body;
    const HttpResult result = post(path, with(body, R"("num_beam": 4)"));
    EXPECT_EQ(result.status, 400) << path << result.body;
    EXPECT_NE(result.body.find("num_beam"), std::string::npos) << path << result.body;
  }
}

TEST_F(Parameters, ThatSayNothingPass) {
  for (const auto& [path, body] : kSurfaces) {
    if (path.starts_with("/v1/") && path.find("com") == std::string::npos &&
        path != "/v1/responses")
      continue;  // the native API has no clients that say what they do not mean
    for (const char* value : {"null", "false", "\"\"", "[]", "{}"}) {
      const HttpResult result = post(path, with(body, std::string("\"num_beam\": ") + value));
      EXPECT_EQ(result.status, 200) << path << value << result.body;
    }
  }
}

TEST_F(Parameters, ThatAClientMeansOtherwiseAreRefused) {
  const auto refused = [&](const std::string& path, const std::string& body, const char* name) {
    const HttpResult result = post(path, body);
    EXPECT_GE(result.status, 400) << result.body;
    EXPECT_LT(result.status, 500) << result.body;
    EXPECT_NE(result.body.find(name), std::string::npos) << result.body;
  };
  refused("/v1/completions", R"({"prompt": "a", "best_of": 3})", "best_of");
  refused("/v1/completions", R"({"prompt": "a", "logprobs": 2})", "logprobs");
  refused("/generate", R"({"inputs": "a", "parameters": {"best_of": 2}})", "best_of");
  refused("/v1/generate", R"({"input": "a", "options": {"num_beams": 4}})", "beams");
  refused("/v2/translate", R"({"text": "a", "target_lang": "DE", "formality": "more"})",
          "formality");
  refused("/translate", R"({"q": "a", "source": "en", "target": "de", "alternatives": 99})",
          "alternatives");
}

std::string first_text(const HttpResult& result, std::string_view key) {
  const size_t at = result.body.find("\"" + std::string(key) + "\":\"");
  if (at == std::string::npos) return result.body;
  const size_t begin = at + key.size() + 4;
  return result.body.substr(begin, result.body.find('"', begin) - begin);
}

TEST_F(Parameters, PromptsAreKnownOnEverySurface) {
  const std::string german = first_text(
      post("/v1/generate", R"({"input": "I am tired.", "prompt": "Translate to German"})"), "text");
  EXPECT_NE(german.find("müde"), std::string::npos) << german;
  const std::string prompt = R"("prompt": "translate TO german")";
  EXPECT_EQ(first_text(post("/v1/generate", R"({"input": "I am tired.", )" + prompt + "}"), "text"),
            german);
  EXPECT_EQ(
      first_text(post("/generate", R"({"inputs": "I am tired.", "parameters": {)" + prompt + "}}"),
                 "generated_text"),
      german);
  EXPECT_EQ(first_text(post("/v1/chat/completions", R"({"messages": [
      {"role": "user", "content": "I am tired."},
      {"role": "assistant", "content": "Translate to German"}]})"),
                       "content"),
            german);
  EXPECT_EQ(first_text(post("/v1/chat/completions", R"({"messages": [
      {"role": "system", "content": "Translate to German"},
      {"role": "user", "content": "I am tired."}]})"),
                       "content"),
            german);
  EXPECT_NE(
      post("/v1/responses", R"({"instructions": "Translate to German", "input": "I am tired."})")
          .body.find(german),
      std::string::npos);
  EXPECT_EQ(
      first_text(post("/v1/completions",
                      R"({"input_text": "I am tired.", "prompt": "Auf Deutsch bitte"})"),
                 "text"),
      first_text(post("/v1/generate", R"({"input": "I am tired.", "prompt": "Auf Deutsch bitte"})"),
                 "text"));
  const auto unknown = [&](const std::string& path, const std::string& body) {
    const HttpResult result = post(path, body);
    EXPECT_EQ(result.status, 400) << path << result.body;
    EXPECT_NE(result.body.find("Translate to French"), std::string::npos) << result.body;
  };
  unknown("/v1/generate", R"({"input": "a", "prompt": "Translate to Spanish"})");
  unknown("/v1/score", R"({"input": "a", "prompt": "Translate to Spanish", "target": "b"})");
  unknown("/v1/explain", R"({"input": "a", "prompt": "Translate to Spanish"})");
  unknown("/v1/beams", R"({"input": "a", "prompt": "Translate to Spanish"})");
  unknown("/generate", R"({"inputs": "a", "parameters": {"prompt": "Translate to Spanish"}})");
  unknown("/v1/completions", R"({"input_text": "a", "prompt": "Translate to Spanish"})");
  unknown("/v1/responses", R"({"input": "a", "instructions": "You are helpful."})");
  EXPECT_EQ(post("/v1/generate",
                 R"({"input": "a", "prompt": "Translate to Spanish", "any_prompt": true})")
                .status,
            200);
  // None at all: the first.
  EXPECT_EQ(first_text(post("/v1/generate", R"({"input": "I am tired."})"), "text"),
            first_text(post("/v1/generate",
                            R"({"input": "I am tired.", "prompt": "Summarise this story for me"})"),
                       "text"));
  // Or that of the languages.
  EXPECT_EQ(first_text(post("/v1/generate",
                            R"({"input": "I am tired.", "options": {"target_language": "de"}})"),
                       "text"),
            german);
}

}  // namespace
}  // namespace transept::testing
