// The server as clients meet it: its laws, and what it does under pressure.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/json.h"
#include "end_to_end/command.h"
#include "end_to_end/http_client.h"

namespace transept::testing {
namespace {

const std::string kModel = model("tiny-t5-text");
const std::string kFox = R"({"text": "The quick brown fox jumped over the lazy dog"})";
// Long enough to be caught in the act.
const std::string kLong =
    R"({"input": "The dog sleeps", "stream": true,
        "options": {"max_new_tokens": 4000, "min_new_tokens": 4000}})";

std::string text_of(const HttpResult& result, const char* name) {
  const JsonDocument document = JsonDocument::parse(result.body, "answer");
  return std::string(document.root().at(name).as_string());
}

std::int64_t number_of(const HttpResult& result, const char* name) {
  return JsonDocument::parse(result.body, "answer").root().at(name).as_int();
}

// What does not depend on time or company.
std::string hypotheses_of(const HttpResult& result) {
  const size_t begin = result.body.find("\"hypotheses\"");
  return result.body.substr(begin, result.body.find("\"encoder_runs\"") - begin);
}

std::string metric(int port, const std::string& name) {
  const std::string text = "\n" + http(port, "GET", "/metrics").body;
  const size_t begin = text.find("\n" + name + " ");
  if (begin == std::string::npos) return "";
  return text.substr(begin + name.size() + 2, text.find('\n', begin + 1) - begin - name.size() - 2);
}

bool becomes(int port, const std::string& name, const std::string& value) {
  for (int i = 0; i < 200; ++i) {
    if (metric(port, name) == value) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  return false;
}

std::string request_text(const std::string& path, const std::string& body) {
  return "POST " + path +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

const std::string kActive = "transept_active{model=\"tiny-t5-text\"}";

TEST(Serve, AsksAnOldMemoryAfterARestart) {
  const std::string folder = scratch("restart");
  std::string id;
  std::string before;
  const auto ask = [&](int port) {
    return http(port, "POST", "/v1/generate",
                R"({"memory": ")" + id + R"(", "prompt": "Summarise this story for me"})");
  };
  {
    ServerProcess server({kModel, "--memory-folder", folder});
    const HttpResult made = http(server.port(), "POST", "/v1/memories", kFox);
    ASSERT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(number_of(made, "encoder_runs"), 1);
    id = text_of(made, "id");
    EXPECT_EQ(number_of(http(server.port(), "POST", "/v1/memories", kFox), "encoder_runs"), 0);
    before = hypotheses_of(ask(server.port()));
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait(), 0);
  }
  ServerProcess server({kModel, "--memory-folder", folder});
  const HttpResult after = ask(server.port());
  ASSERT_EQ(after.status, 200) << after.body;
  EXPECT_EQ(number_of(after, "encoder_runs"), 0);
  EXPECT_EQ(number_of(after, "cached_tokens"), 30);
  EXPECT_EQ(hypotheses_of(after), before);
}

TEST(Serve, LosesNothingAcknowledgedWhenItIsKilled) {
  const std::string folder = scratch("killed");
  std::vector<std::string> acknowledged;
  for (int round = 0; round < 3; ++round) {
    ServerProcess server({kModel, "--memory-folder", folder});
    std::atomic<bool> stop{false};
    std::thread client([&] {
      for (int i = 0; !stop; ++i) {
        const HttpResult made = http(server.port(), "POST", "/v1/memories",
                                     R"({"ids": [)" + std::to_string(3 + i % 100) + ", " +
                                         std::to_string(3 + round) + ", 1]}");
        if (made.status == 201) acknowledged.push_back(text_of(made, "id"));
      }
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(150 + 70 * round));
    server.signal(SIGKILL);
    server.wait();
    stop = true;
    client.join();
  }
  ASSERT_FALSE(acknowledged.empty());
  ServerProcess server({kModel, "--memory-folder", folder});
  for (const std::string& id : acknowledged)
    EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + id).status, 200) << id;
  EXPECT_EQ(metric(server.port(), "transept_memory_damaged_files_total"), "0");
}

TEST(Serve, TakesNoDamagedFile) {
  const std::string folder = scratch("damaged");
  std::string id;
  {
    ServerProcess server({kModel, "--memory-folder", folder});
    id = text_of(http(server.port(), "POST", "/v1/memories", kFox), "id");
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".memory") continue;
    std::string bytes = read(entry.path().string());
    bytes[bytes.size() - 200] ^= 1;
    write(entry.path().string(), bytes);
  }
  ServerProcess server({kModel, "--memory-folder", folder});
  EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + id).status, 404);
  EXPECT_EQ(metric(server.port(), "transept_memory_damaged_files_total"), "1");
  const HttpResult again = http(server.port(), "POST", "/v1/memories", kFox);
  EXPECT_EQ(number_of(again, "encoder_runs"), 1);
  EXPECT_EQ(text_of(again, "id"), id);
}

// A file that cannot be read now may be readable later: only a damaged one is given up.
TEST(Serve, KeepsAMemoryWhoseFileCannotBeReadForAWhile) {
  const std::string folder = scratch("unreadable");
  ServerProcess server({kModel, "--memory-folder", folder, "--memory-mib", "0"});
  const std::string id = text_of(http(server.port(), "POST", "/v1/memories", kFox), "id");
  std::filesystem::path file;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".memory") file = entry.path();
  ASSERT_FALSE(file.empty());
  std::filesystem::rename(file, folder + "/aside");
  std::filesystem::create_symlink(file, file);  // cannot be opened: a loop
  const std::string question = R"({"memory": ")" + id + R"("})";
  EXPECT_EQ(http(server.port(), "POST", "/v1/generate", question).status, 500);
  std::filesystem::remove(file);
  std::filesystem::rename(folder + "/aside", file);
  const HttpResult answer = http(server.port(), "POST", "/v1/generate", question);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(metric(server.port(), "transept_memory_damaged_files_total"), "0");
}

TEST(Serve, SaysWhenItCannotListen) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  const Result second = transept(
      {"serve", kModel, "--memory-folder", "none", "--port", std::to_string(server.port())});
  EXPECT_EQ(second.code, 74) << second.err;
  EXPECT_NE(second.err.find("cannot listen"), std::string::npos) << second.err;
}

TEST(Serve, MovesAMemoryFromOneServerToAnother) {
  ServerProcess first({kModel, "--memory-folder", "none"});
  ServerProcess second({kModel, "--memory-folder", "none"});
  const std::string id = text_of(http(first.port(), "POST", "/v1/memories", kFox), "id");
  const std::string path = "/v1/memories/" + id + "/data";
  const std::string data = http(first.port(), "GET", path).body;
  EXPECT_EQ(http(second.port(), "PUT", path, data.substr(0, 500)).status, 400);
  EXPECT_EQ(
      http(second.port(), "PUT", "/v1/memories/" + std::string(32, '0') + "/data", data).status,
      400);
  EXPECT_EQ(http(second.port(), "PUT", path, data).status, 201);
  const std::string question = R"({"memory": ")" + id + R"(", "prompt": "for me"})";
  EXPECT_EQ(hypotheses_of(http(second.port(), "POST", "/v1/generate", question)),
            hypotheses_of(http(first.port(), "POST", "/v1/generate", question)));
  // The same input is encoded all the same: what a client brings is not taken for it.
  EXPECT_EQ(number_of(http(second.port(), "POST", "/v1/memories", kFox), "encoder_runs"), 1);
  EXPECT_EQ(http(second.port(), "DELETE", "/v1/memories/" + id).status, 204);
  EXPECT_EQ(http(second.port(), "GET", "/v1/memories/" + id).status, 404);
}

TEST(Serve, JoinsMemoriesAndLeavesRowsOut) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  const auto made = [&](const char* body) {
    return text_of(http(server.port(), "POST", "/v1/memories", body), "id");
  };
  const std::string a = made(R"({"ids": [5, 8, 1]})");
  const std::string b = made(R"({"ids": [7, 9, 4, 1]})");
  const HttpResult joined = http(server.port(), "POST", "/v1/memories/concat",
                                 R"({"memories": [")" + a + R"(", ")" + b + R"("]})");
  ASSERT_EQ(joined.status, 201) << joined.body;
  EXPECT_EQ(number_of(joined, "rows"), 7);
  const HttpResult part =
      http(server.port(), "POST", "/v1/generate",
           R"({"memory": ")" + text_of(joined, "id") + R"(", "keep": [[0, 3]]})");
  const HttpResult whole =
      http(server.port(), "POST", "/v1/generate", R"({"memory": ")" + a + R"("})");
  EXPECT_EQ(hypotheses_of(part), hypotheses_of(whole));
}

TEST(Serve, StreamsTheTextThatItAnswers) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  const HttpResult whole =
      http(server.port(), "POST", "/v1/generate", R"({"input": "The dog sleeps"})");
  const HttpResult stream =
      http(server.port(), "POST", "/v1/generate", R"({"input": "The dog sleeps", "stream": true})",
           "Accept: application/jsonl\r\n");
  std::string text;
  std::string last;
  for (const std::string& line : lines(stream.body)) {
    const JsonDocument event = JsonDocument::parse(line, "event");
    if (!event.root().find("done")) text += event.root().at("text").as_string();
    last = line;
  }
  EXPECT_EQ(text, text_of(whole, "text"));
  EXPECT_EQ(hypotheses_of({200, "", last}), hypotheses_of(whole));
}

TEST(Serve, ExplainsWhatItAnswered) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  const HttpResult result =
      http(server.port(), "POST", "/v1/generate",
           R"({"input": "The dog sleeps", "explain": true, "options": {"beams": 3}})");
  ASSERT_EQ(result.status, 200) << result.body;
  const JsonDocument document = JsonDocument::parse(result.body, "answer");
  const std::vector<Json> steps = document.root().at("explanation").at("steps").elements();
  const std::vector<Json> ids = document.root().at("hypotheses").elements()[0].at("ids").elements();
  ASSERT_EQ(steps.size(), ids.size());
  for (size_t i = 0; i < ids.size(); ++i)
    EXPECT_EQ(steps[i].at("chosen").at("id").as_int(), ids[i].as_int());
}

// What leaves RAM is a file soon; until it is, it is not lost.
TEST(Serve, FindsWhatIsOnItsWayToDisk) {
  ServerProcess server({kModel, "--memory-folder", scratch("spilled"), "--memory-mib", "0"});
  for (int i = 0; i < 40; ++i) {
    const HttpResult made = http(server.port(), "POST", "/v1/generate",
                                 R"({"source_ids": [)" + std::to_string(3 + i) + R"(, 5, 1]})");
    ASSERT_EQ(made.status, 200) << made.body;
    EXPECT_EQ(number_of(made, "encoder_runs"), 1);
    const HttpResult again = http(server.port(), "POST", "/v1/generate",
                                  R"({"memory": ")" + text_of(made, "memory") + R"("})");
    ASSERT_EQ(again.status, 200) << again.body;
    EXPECT_EQ(number_of(again, "encoder_runs"), 0);
    EXPECT_EQ(hypotheses_of(again), hypotheses_of(made));
  }
  EXPECT_EQ(metric(server.port(), "transept_memory_bytes{in=\"ram\"}"), "0");
}

TEST(Serve, EvictsTheLeastRecentlyUsed) {
  ServerProcess server({kModel, "--memory-folder", "none", "--memory-mib", "1"});
  const auto made = [&](int i) {
    std::string ids;
    for (int k = 0; k < 300; ++k) ids += std::to_string(3 + (i * 31 + k) % 150) + ", ";
    return http(server.port(), "POST", "/v1/memories", R"({"ids": [)" + ids + "1]}");
  };
  const std::string first = text_of(made(0), "id");
  for (int i = 1; i < 12; ++i) {
    made(i);
    EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + first).status, 200) << i;  // in use
  }
  EXPECT_NE(metric(server.port(), "transept_memory_evictions_total{from=\"ram\"}"), "0");
  EXPECT_LE(std::stoll(metric(server.port(), "transept_memory_bytes{in=\"ram\"}")), 1 << 20);
  EXPECT_EQ(number_of(made(1), "encoder_runs"), 1);  // long gone
}

TEST(Serve, KeepsASecondServerOutOfItsFolder) {
  const std::string folder = scratch("shared");
  const ServerProcess server({kModel, "--memory-folder", folder});
  const Result second = transept({"serve", kModel, "--memory-folder", folder, "--port", "0"});
  EXPECT_EQ(second.code, 74) << second.err;
  EXPECT_NE(second.err.find(folder), std::string::npos) << second.err;
}

TEST(Serve, TakesTheSameFileTwice) {
  const std::string file = scratch("fox.memory");
  ASSERT_EQ(transept({"encode", kModel, "--output", file}, "The dog sleeps\n").code, 0);
  ServerProcess server({kModel, "--memory-folder", "none"});
  const HttpResult wrong =
      http(server.port(), "PUT", "/v1/memories/" + std::string(32, '0') + "/data", read(file));
  const size_t at = wrong.body.find("have the id ");
  ASSERT_NE(at, std::string::npos) << wrong.body;
  const std::string path = "/v1/memories/" + wrong.body.substr(at + 12, 32) + "/data";
  EXPECT_EQ(http(server.port(), "PUT", path, read(file)).status, 201);
  EXPECT_EQ(http(server.port(), "PUT", path, read(file)).status, 200);
}

TEST(Serve, LeavesOutEachRowInTurn) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  const HttpResult all = http(server.port(), "POST", "/v1/occlusion",
                              R"({"source_ids": [5, 8, 1], "output_ids": [9, 4]})");
  ASSERT_EQ(all.status, 200) << all.body;
  const JsonDocument document = JsonDocument::parse(all.body, "answer");
  const std::vector<Json> without = document.root().at("without").elements();
  ASSERT_EQ(without.size(), 3U);
  const char* kept[] = {"[[1, 3]]", "[[0, 1], [2, 3]]", "[[0, 2]]", "[[0, 3]]"};
  for (size_t row = 0; row < 4; ++row) {
    const HttpResult one = http(server.port(), "POST", "/v1/score",
                                R"({"source_ids": [5, 8, 1], "target_ids": [9, 4], "keep": )" +
                                    std::string(kept[row]) + "}");
    const JsonDocument score = JsonDocument::parse(one.body, "score");
    const std::vector<Json> tokens = score.root().at("tokens").elements();
    const std::vector<Json> got =
        (row < 3 ? without[row] : document.root().at("logprobs")).elements();
    for (size_t i = 0; i < 2; ++i)
      EXPECT_EQ(got[i].as_number(), tokens[i].at("logprob").as_number()) << row;
  }
}

TEST(Serve, ShowsABeamSearchAsATree) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  const HttpResult tree = http(server.port(), "POST", "/v1/beams",
                               R"({"input": "The dog sleeps", "options": {"beams": 3}})");
  ASSERT_EQ(tree.status, 200) << tree.body;
  const HttpResult answer = http(server.port(), "POST", "/v1/generate",
                                 R"({"input": "The dog sleeps", "options": {"beams": 3}})");
  const JsonDocument document = JsonDocument::parse(tree.body, "tree");
  EXPECT_EQ(document.root().at("hypotheses").elements()[0].at("text").as_string(),
            text_of(answer, "text"));
  EXPECT_EQ(http(server.port(), "POST", "/v1/beams",
                 R"({"input": "a", "options": {"beams": 3, "max_new_tokens": 500}})")
                .status,
            413);
}

TEST(ServePressure, BoundsWhatIsKeptAndExplained) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  std::string keep = "[0, 3]";
  for (int i = 0; i < 1000; ++i) keep += ", [0, 3]";
  EXPECT_EQ(http(server.port(), "POST", "/v1/generate",
                 R"({"source_ids": [5, 8, 1], "keep": [)" + keep + "]}")
                .status,
            400);
  std::string ids = "5";
  for (int i = 0; i < 3000; ++i) ids += ", 5";
  EXPECT_EQ(http(server.port(), "POST", "/v1/explain",
                 R"({"source_ids": [)" + ids + R"(], "output_ids": [)" + ids + "]}")
                .status,
            413);
}

TEST(ServePressure, AnswersNonsenseWithItsStatus) {
  ServerProcess server({kModel, "--memory-folder", "none", "--max-body-kib", "64"});
  const auto post = [&](const std::string& body) {
    return http(server.port(), "POST", "/v1/generate", body).status;
  };
  EXPECT_EQ(post("{"), 400);
  EXPECT_EQ(post("[]"), 400);
  EXPECT_EQ(post(R"({"input": "a", "unknown": 1})"), 400);
  EXPECT_EQ(post(R"({"input": "a", "memory": "b"})"), 400);
  EXPECT_EQ(post(R"({"input": "a", "options": {"beams": 0}})"), 400);
  EXPECT_EQ(post(R"({"input": "a", "options": {"beams": "x"}})"), 400);
  EXPECT_EQ(post("{\"input\": \"\xff\"}"), 400);
  EXPECT_EQ(post(R"({"source_ids": [99999]})"), 400);
  EXPECT_EQ(post(R"({"model": "other", "input": "a"})"), 404);
  EXPECT_EQ(post(R"({"memory": "0123"})"), 404);
  EXPECT_EQ(post(std::string(400, '[')), 400);  // deeper than a reader goes
  EXPECT_EQ(post(R"({"input": ")" + std::string(100'000, 'a') + "\"}"), 413);
  EXPECT_EQ(http(server.port(), "PATCH", "/v1/generate").status, 405);
  EXPECT_EQ(http(server.port(), "GET", "/%zz").status, 400);
  for (const std::string& garbage :
       {std::string("\0\1\2\3\r\n\r\n", 8), std::string("GET / HTTP/9.9\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n"}) {
    Socket socket(server.port());
    socket.send(garbage);
    const std::string answer = socket.read_all(10);
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 4")) << answer;
    EXPECT_TRUE(socket.at_end());
  }
  EXPECT_EQ(http(server.port(), "GET", "/health").status, 200);
}

TEST(ServePressure, StopsTheWorkOfAClientThatLeaves) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  for (const bool streams : {true, false}) {
    std::string body = kLong;
    if (!streams) body.replace(body.find("true"), 4, "false");
    Socket socket(server.port());
    socket.send(request_text("/v1/generate", body));
    EXPECT_TRUE(becomes(server.port(), kActive, "1"));
    socket.close();
    EXPECT_TRUE(becomes(server.port(), kActive, "0"));
  }
}

TEST(ServePressure, HoldsDeadlines) {
  ServerProcess server({kModel, "--memory-folder", "none", "--deadline-ms", "100"});
  std::string body = kLong;
  body.replace(body.find("true"), 4, "false");
  const HttpResult late = http(server.port(), "POST", "/v1/generate", body);
  EXPECT_EQ(late.status, 504) << late.body;
  EXPECT_TRUE(becomes(server.port(), kActive, "0"));
}

TEST(ServePressure, ClosesSlowAndIdleConnections) {
  ServerProcess server({kModel, "--memory-folder", "none", "--header-timeout-ms", "200",
                        "--body-timeout-ms", "200", "--idle-timeout-ms", "200"});
  for (const char* begin :
       {"", "GET / HT", "POST /v1/generate HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"}) {
    Socket socket(server.port());
    socket.send(begin);
    const std::string answer = socket.read_all(5);
    EXPECT_TRUE(socket.at_end()) << begin;
    EXPECT_EQ(answer.starts_with("HTTP/1.1 408"), *begin != '\0') << begin;
  }
}

TEST(ServePressure, BoundsConnections) {
  ServerProcess server({kModel, "--memory-folder", "none", "--max-connections", "2"});
  const Socket one(server.port());
  Socket two(server.port());
  two.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_NE(two.read_until("alive").find("200 OK"), std::string::npos);
  Socket three(server.port());
  EXPECT_TRUE(three.read_all(5).starts_with("HTTP/1.1 503"));
}

TEST(ServePressure, AdmitsByTokens) {
  const std::string keys = scratch("keys");
  write(keys,
        "# who may ask\nsmall small-secret tokens_per_minute=60\nlarge large-secret\n"
        "single single-secret concurrent=1\n");
  ServerProcess server(
      {kModel, "--memory-folder", "none", "--api-keys", keys, "--max-tokens", "4100"});
  const auto ask = [&](const std::string& key, const std::string& body) {
    return http(server.port(), "POST", "/v1/generate", body,
                "Authorization: Bearer " + key + "\r\n");
  };
  const std::string small = R"({"input": "The dog sleeps", "options": {"max_new_tokens": 30}})";
  EXPECT_EQ(http(server.port(), "POST", "/v1/generate", small).status, 401);
  EXPECT_EQ(ask("small-secreT", small).status, 401);
  EXPECT_EQ(http(server.port(), "GET", "/health").status, 200);
  EXPECT_EQ(ask("small-secret", small).status, 200);
  const HttpResult refused = ask("small-secret", small);
  EXPECT_EQ(refused.status, 429);
  EXPECT_NE(refused.headers.find("Retry-After: "), std::string::npos);
  Socket busy(server.port());
  busy.send(
      "POST /v1/generate HTTP/1.1\r\nAuthorization: Bearer single-secret\r\nContent-Length: " +
      std::to_string(kLong.size()) + "\r\n\r\n" + kLong);
  EXPECT_TRUE(becomes(server.port(), kActive, "1"));
  EXPECT_EQ(ask("single-secret", small).status, 429);
  std::string large = kLong;
  large.replace(large.find("true"), 4, "false");
  EXPECT_EQ(ask("large-secret", large).status, 503);  // full
}

TEST(ServePressure, ASlowReaderPausesOnlyItself) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  const Socket slow(server.port());
  slow.send(request_text("/v1/generate", kLong));  // and reads nothing
  EXPECT_TRUE(becomes(server.port(), kActive, "1"));
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(http(server.port(), "POST", "/v1/generate", R"({"input": "a"})").status, 200);
}

// More than the sockets hold, to a client that takes none of it.
TEST(ServePressure, CutsOffAReaderThatTakesNothing) {
  ServerProcess server({kModel, "--memory-folder", "none", "--write-timeout-ms", "300"});
  std::string ids = "5";
  for (int i = 0; i < 500; ++i) ids += ", 5";
  const std::string body = R"({"source_ids": [)" + ids + R"(], "output_ids": [)" + ids + "]}";
  const Socket slow(server.port());
  slow.send(request_text("/v1/explain", body));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(becomes(server.port(), "transept_connections", "2"));  // it and the one that asks
  EXPECT_TRUE(becomes(server.port(), "transept_connections", "1"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST(ServePressure, DrainsWhenItIsTold) {
  for (const bool patient : {true, false}) {
    ServerProcess server(
        {kModel, "--memory-folder", "none", "--drain-ms", patient ? "60000" : "50"});
    Socket idle(server.port());
    Socket socket(server.port());
    std::string body = kLong;
    if (!patient) body.replace(body.find("true"), 4, "false");
    socket.send(request_text("/v1/generate", body));
    EXPECT_TRUE(becomes(server.port(), kActive, "1"));
    server.signal(SIGTERM);
    idle.read_all(5);
    EXPECT_TRUE(idle.at_end());
    const std::string answer = socket.read_all(60);
    EXPECT_EQ(answer.find("\"done\":true") != std::string::npos, patient);
    EXPECT_EQ(answer.starts_with("HTTP/1.1 503"), !patient) << answer.substr(0, 200);
    EXPECT_EQ(server.wait(), 0);
  }
}

TEST(ServePressure, TurnsAwayPagesOfOtherOrigins) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  const auto status = [&](const std::string& headers) {
    return http(server.port(), "GET", "/v1/memories", "", headers).status;
  };
  EXPECT_EQ(status("Origin: http://localhost\r\n"), 200);
  EXPECT_EQ(status("Origin: http://evil.example\r\n"), 403);
  for (const char* host : {"evil.example", "127.evil.example"}) {
    Socket socket(server.port());
    socket.send("GET /health HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
    EXPECT_TRUE(socket.read_until("\r\n\r\n").starts_with("HTTP/1.1 403")) << host;
  }
}

TEST(ServePressure, LetsPagesOfTheGivenOriginAsk) {
  ServerProcess server(
      {kModel, "--memory-folder", "none", "--cors-origin", "http://friend.example"});
  const std::string allowed = "Access-Control-Allow-Origin: http://friend.example\r\n";
  for (const char* method : {"OPTIONS", "GET"}) {
    const HttpResult answer =
        http(server.port(), method, "/v1/memories", "", "Origin: http://friend.example\r\n");
    EXPECT_EQ(answer.status, *method == 'O' ? 204 : 200);
    const size_t first = answer.headers.find(allowed);
    EXPECT_NE(first, std::string::npos) << answer.headers;
    EXPECT_EQ(answer.headers.find("Access-Control-Allow-Origin", first + 1), std::string::npos)
        << "browsers refuse two";
  }
}

TEST(ServeLoad, GivesEveryClientWhatItWouldGetAlone) {
  ServerProcess server({kModel, "--memory-folder", "none", "--batch-size", "16"});
  std::vector<std::string> bodies;
  for (int i = 0; i < 20; ++i) {
    std::string ids;
    for (int k = 0; k <= i * 3; ++k) ids += std::to_string(3 + (i * 7 + k * 13) % 150) + ", ";
    bodies.push_back(R"({"source_ids": [)" + ids + R"(1], "options": {"beams": )" +
                     std::to_string(1 + i % 3) + R"(, "max_new_tokens": )" +
                     std::to_string(5 + i * 4) + "}}");
  }
  std::vector<std::string> alone;
  for (const std::string& body : bodies)
    alone.push_back(hypotheses_of(http(server.port(), "POST", "/v1/generate", body)));
  std::atomic<int> wrong{0};
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int client = 0; client < 200; ++client) {
    clients.emplace_back([&, client] {
      for (int round = 0; round < 2; ++round) {
        const size_t i = static_cast<size_t>(client * 3 + round) % bodies.size();
        if (client % 10 == 9) {  // leaves, or sends garbage
          Socket socket(server.port());
          socket.send(round == 0 ? request_text("/v1/generate", bodies[i]) : "garbage\r\n\r\n");
          continue;
        }
        const HttpResult result = http(server.port(), "POST", "/v1/generate", bodies[i]);
        ++answered;
        if (result.status != 200 || hypotheses_of(result) != alone[i]) ++wrong;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 360);
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(becomes(server.port(), kActive, "0"));
  EXPECT_EQ(metric(server.port(), "transept_admitted_tokens"), "0");
}

}  // namespace
}  // namespace transept::testing
