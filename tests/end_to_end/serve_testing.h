// What the tests of the server share: a small model, questions, and reading answers.
#pragma once

#include <chrono>
#include <string>
#include <thread>

#include "base/json.h"
#include "end_to_end/command.h"
#include "end_to_end/http_client.h"

namespace transept::testing {

inline const std::string kModel = model("tiny-t5-text");
inline const std::string kFox = R"({"text": "The quick brown fox jumped over the lazy dog"})";
// Long enough to be caught in the act.
inline const std::string kLong =
    R"({"input": "The dog sleeps", "stream": true,
        "options": {"max_new_tokens": 4000, "min_new_tokens": 4000}})";

inline std::string text_of(const HttpResult& result, const char* name) {
  const JsonDocument document = JsonDocument::parse(result.body, "answer");
  return std::string(document.root().at(name).as_string());
}

inline std::int64_t number_of(const HttpResult& result, const char* name) {
  return JsonDocument::parse(result.body, "answer").root().at(name).as_int();
}

// What does not depend on time or company.
inline std::string hypotheses_of(const HttpResult& result) {
  const size_t begin = result.body.find("\"hypotheses\"");
  return result.body.substr(begin, result.body.find("\"encoder_runs\"") - begin);
}

inline std::string metric(int port, const std::string& name) {
  const std::string text = "\n" + http(port, "GET", "/metrics").body;
  const size_t begin = text.find("\n" + name + " ");
  if (begin == std::string::npos) return "";
  return text.substr(begin + name.size() + 2, text.find('\n', begin + 1) - begin - name.size() - 2);
}

inline bool becomes(int port, const std::string& name, const std::string& value) {
  for (int i = 0; i < 200; ++i) {
    if (metric(port, name) == value) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  return false;
}

inline std::string request_text(const std::string& path, const std::string& body) {
  return "POST " + path +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

inline const std::string kActive = "transept_active{model=\"tiny-t5-text\"}";

}  // namespace transept::testing
