// The server as clients meet it: its laws.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

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
      http(second.port(), "PUT", "/v1/memories/" + std::string(64, '0') + "/data", data).status,
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

TEST(Serve, LeavesLogprobsOutAndAnswersTheSame) {
  ServerProcess server({kModel, "--memory-folder", "none"});
  const auto ask = [&](const char* options) {
    return http(server.port(), "POST", "/v1/generate",
                R"({"input": "The dog sleeps", "options": {)" + std::string(options) + "}}");
  };
  const HttpResult with = ask("");
  const HttpResult without = ask(R"("logprobs": false)");
  ASSERT_EQ(without.status, 200) << without.body;
  EXPECT_NE(with.body.find("\"logprob\""), std::string::npos);
  EXPECT_EQ(without.body.find("\"logprob\""), std::string::npos);
  EXPECT_EQ(without.body.find("nan"), std::string::npos);
  EXPECT_EQ(text_of(without, "text"), text_of(with, "text"));
  const HttpResult explained =
      http(server.port(), "POST", "/v1/generate",
           R"({"input": "The dog sleeps", "explain": true, "options": {"logprobs": false}})");
  EXPECT_EQ(explained.status, 200) << explained.body;
  EXPECT_NE(explained.body.find("\"top\""), std::string::npos);
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
      http(server.port(), "PUT", "/v1/memories/" + std::string(64, '0') + "/data", read(file));
  const size_t at = wrong.body.find("have the id ");
  ASSERT_NE(at, std::string::npos) << wrong.body;
  const std::string path = "/v1/memories/" + wrong.body.substr(at + 12, 64) + "/data";
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

}  // namespace
}  // namespace transept::testing
