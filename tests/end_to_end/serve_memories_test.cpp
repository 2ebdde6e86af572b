// What a memory is called, what it answers for, and whose it is.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <set>

#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

const std::string kAlice = "Authorization: Bearer alice-secret\r\n";
const std::string kBob = "Authorization: Bearer bob-secret\r\n";

std::string keys(const std::string& lines = "alice alice-secret\nbob bob-secret\n") {
  const std::string file = scratch("keys");
  write(file, lines);
  return file;
}

std::vector<fs::path> memory_files(const std::string& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".memory") files.push_back(entry.path());
  return files;
}

fs::path file_of(const std::string& folder, const std::string& id) {
  for (const fs::path& file : memory_files(folder))
    if (file.filename().string().starts_with(id)) return file;
  return {};
}

std::string tokens(int n, int seed) {
  std::string ids;
  for (int k = 0; k < n - 1; ++k) ids += std::to_string(3 + (seed * 31 + k * 7) % 150) + ", ";
  return R"({"ids": [)" + ids + "1]}";
}

TEST(ServeMemories, AnIdIsASha256) {
  const ServerProcess server({kModel, "--memory-folder", "none"});
  const std::string id = text_of(http(server.port(), "POST", "/v1/memories", kFox), "id");
  EXPECT_EQ(id.size(), 64U);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
}

const std::string kDog = R"({"text": "The dog sleeps"})";

// The ids of kFox and kDog, which a server has put into the folder.
std::pair<std::string, std::string> two_memories(const std::string& folder) {
  const ServerProcess server({kModel, "--memory-folder", folder});
  return {text_of(http(server.port(), "POST", "/v1/memories", kFox), "id"),
          text_of(http(server.port(), "POST", "/v1/memories", kDog), "id")};
}

// A file under another one's name: its bytes have the hash that the name says.
TEST(ServeMemories, ContentsAreHeldToTheIdInAFilesName) {
  const std::string folder = scratch("swapped");
  const auto [a, b] = two_memories(folder);
  const fs::path file_a = file_of(folder, a);
  const fs::path file_b = file_of(folder, b);
  const fs::path planted = file_b.parent_path() / (a + file_b.filename().string().substr(64));
  fs::remove(file_a);
  fs::copy_file(file_b, planted);
  const ServerProcess server({kModel, "--memory-folder", folder});
  for (const char* path : {"", "/data"})
    EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + a + path).status, 404) << path;
  EXPECT_EQ(http(server.port(), "POST", "/v1/generate", R"({"memory": ")" + a + R"("})").status,
            404);
  EXPECT_TRUE(fs::exists(planted)) << "it may be somebody's";
  EXPECT_NE(server.log().find("another id"), std::string::npos);
  const HttpResult again = http(server.port(), "POST", "/v1/memories", kFox);
  EXPECT_EQ(number_of(again, "encoder_runs"), 1);
  EXPECT_EQ(text_of(again, "id"), a);
  EXPECT_EQ(number_of(http(server.port(), "POST", "/v1/memories", kDog), "encoder_runs"), 0);
}

// What its file turns out not to hold is encoded, and the answer says so.
TEST(ServeMemories, AnEncodingInPlaceOfAWrongFileIsCounted) {
  const std::string folder = scratch("miscounted");
  const auto [a, b] = two_memories(folder);
  const fs::path file_b = file_of(folder, b);
  fs::remove(file_of(folder, a));
  fs::copy_file(file_b, file_b.parent_path() / (a + file_b.filename().string().substr(64)));
  const ServerProcess server({kModel, "--memory-folder", folder});
  const HttpResult answer = http(server.port(), "POST", "/v1/memories", kFox);
  EXPECT_EQ(number_of(answer, "encoder_runs"), 1);
  EXPECT_EQ(answer.status, 201);
}

// Both files have A's id; the younger one is another memory's.
TEST(ServeMemories, AWrongFileDoesNotReplaceTheRightOne) {
  const std::string folder = scratch("twice");
  std::string a;
  std::string b;
  {
    const ServerProcess server({kModel, "--memory-folder", folder});
    a = text_of(http(server.port(), "POST", "/v1/memories", kFox), "id");
    b = text_of(http(server.port(), "POST", "/v1/memories", R"({"ids": [5, 8, 1]})"), "id");
  }
  const fs::path file_b = file_of(folder, b);
  const fs::path planted = file_b.parent_path() / (a + file_b.filename().string().substr(64));
  fs::copy_file(file_b, planted);
  fs::last_write_time(planted, fs::file_time_type::clock::now() + std::chrono::hours(1));
  const ServerProcess server({kModel, "--memory-folder", folder});
  const HttpResult found = http(server.port(), "POST", "/v1/memories", kFox);
  EXPECT_EQ(number_of(found, "encoder_runs"), 0);
  EXPECT_EQ(text_of(found, "id"), a);
}

TEST(ServeMemories, ReadsWhatVersionOneHasLeft) {
  const std::string folder = scratch("version-1");
  fs::copy(fs::path(TRANSEPT_FIXTURES) / "memories" / "server", folder,
           fs::copy_options::recursive);
  const std::string id = "94344900fc87d3ec89894237d43bed4f";
  const std::string question = R"({"memory": ")" + id + R"(", "options": {"max_new_tokens": 8}})";
  {
    const ServerProcess server({kModel, "--memory-folder", folder});
    const HttpResult answer = http(server.port(), "POST", "/v1/generate", question);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(text_of(answer, "text"), "E brunndndndndnd");
    EXPECT_EQ(number_of(answer, "encoder_runs"), 0);
    EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + id + "/data").body,
              read(file_of(folder, id).string()));
    // Its id could be forged: a text is not answered from it.
    const HttpResult made =
        http(server.port(), "POST", "/v1/memories", R"({"text": "The dog sleeps"})");
    EXPECT_EQ(number_of(made, "encoder_runs"), 1);
    EXPECT_EQ(text_of(made, "id").size(), 64U);
  }
  // One of another id's contents.
  const fs::path file = file_of(folder, id);
  const std::string forged = std::string(32, 'a');
  fs::copy_file(file, file.parent_path() / (forged + file.filename().string().substr(32)));
  {
    const ServerProcess server({kModel, "--memory-folder", folder});
    EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + forged).status, 404);
    EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + id).status, 200);
  }
  const ServerProcess server({kModel, "--memory-folder", folder, "--api-keys", keys()});
  EXPECT_EQ(http(server.port(), "POST", "/v1/generate", question, kAlice).status, 404);
}

TEST(ServeMemories, EachKeyHasItsOwn) {
  const std::string folder = scratch("keys-apart");
  const std::string file = keys();
  std::string hers;
  const auto ids_of = [&](int port, const std::string& key) {
    std::set<std::string> ids;
    const HttpResult list = http(port, "GET", "/v1/memories", "", key);
    const JsonDocument document = JsonDocument::parse(list.body, "list");
    for (const Json& memory : document.root().at("memories").elements())
      ids.emplace(memory.at("id").as_string());
    return ids;
  };
  const auto refuses_bob = [&](int port) {
    const std::string memory = R"({"memory": ")" + hers + R"(")";
    const auto post = [&](const std::string& path, const std::string& body) {
      return http(port, "POST", path, body, kBob).status;
    };
    const std::string path = "/v1/memories/" + hers;
    EXPECT_EQ(http(port, "GET", path, "", kBob).status, 404);
    EXPECT_EQ(http(port, "GET", path + "/data", "", kBob).status, 404);
    EXPECT_EQ(http(port, "DELETE", path, "", kBob).status, 404);
    EXPECT_EQ(post("/v1/memories/concat", R"({"memories": [")" + hers + R"("]})"), 404);
    EXPECT_EQ(post("/v1/generate", memory + "}"), 404);
    EXPECT_EQ(post("/v1/generate", memory + R"(, "keep": [[0, 1]]})"), 404);
    EXPECT_EQ(post("/v1/score", memory + R"(, "target_ids": [5]})"), 404);
    EXPECT_EQ(post("/v1/explain", memory + "}"), 404);
    EXPECT_EQ(post("/v1/occlusion", memory + R"(, "output_ids": [5]})"), 404);
    EXPECT_EQ(post("/v1/beams", memory + R"(, "options": {"max_new_tokens": 4}})"), 404);
    EXPECT_EQ(post("/v1/completions", memory + R"(, "prompt": "a"})"), 404);
    EXPECT_EQ(post("/v1/chat/completions",
                   memory + R"(, "messages": [{"role": "user", "content": "a"}]})"),
              404);
    EXPECT_EQ(post("/v1/responses", memory + R"(, "input": "a"})"), 404);
    EXPECT_EQ(post("/generate", R"({"inputs": "a", "parameters": {"memory": ")" + hers + R"("}})"),
              404);
    EXPECT_FALSE(ids_of(port, kBob).contains(hers));
  };
  {
    const ServerProcess server({kModel, "--memory-folder", folder, "--api-keys", file});
    const HttpResult made = http(server.port(), "POST", "/v1/memories", kFox, kAlice);
    ASSERT_EQ(made.status, 201) << made.body;
    hers = text_of(made, "id");
    refuses_bob(server.port());
    // The same text: nothing tells him that it was here before.
    const HttpResult his = http(server.port(), "POST", "/v1/memories", kFox, kBob);
    EXPECT_EQ(his.status, 201);
    EXPECT_EQ(number_of(his, "encoder_runs"), 1);
    EXPECT_NE(text_of(his, "id"), hers);
    EXPECT_EQ(ids_of(server.port(), kAlice), std::set<std::string>{hers});
    EXPECT_EQ(ids_of(server.port(), kBob), std::set<std::string>{text_of(his, "id")});
    // What she gives him he may bring, under his own name.
    const std::string path = "/v1/memories/" + hers + "/data";
    const std::string data = http(server.port(), "GET", path, "", kAlice).body;
    const HttpResult wrong = http(server.port(), "PUT", path, data, kBob);
    EXPECT_EQ(wrong.status, 400);
    EXPECT_NE(wrong.body.find("have the id " + text_of(his, "id")), std::string::npos)
        << wrong.body;
  }
  const ServerProcess again({kModel, "--memory-folder", folder, "--api-keys", file});
  refuses_bob(again.port());
  EXPECT_EQ(number_of(http(again.port(), "POST", "/v1/memories", kFox, kAlice), "encoder_runs"), 0);
  EXPECT_EQ(http(again.port(), "GET", "/v1/memories/" + hers, "", kAlice).status, 200);
}

// What was made from no tokens: the format has it, the command answers from it, the server's ids
// are made from tokens.
TEST(ServeMemories, TakesNoneThatIsNotOfTokens) {
  const std::string file = scratch("no-ids.memory");
  ASSERT_EQ(transept({"encode", kModel, "--output", file}, "The dog sleeps\n").code, 0);
  std::string bytes = read(file);
  const size_t ids = bytes.find(",\"ids\":");
  const size_t end = bytes.find('}', ids) + 1;
  ASSERT_LT(end, bytes.size());
  bytes.replace(ids, end - ids, "}" + std::string(end - ids - 1, ' '));
  bytes[bytes.find('}', end)] = ' ';  // the header ends before the ids now
  bytes.resize(bytes.size() - 9 * sizeof(std::int32_t));
  write(file, bytes);
  const Result answer = transept({"generate", kModel, "--memory", file, "--max-new-tokens", "8"});
  EXPECT_EQ(answer.code, 0) << answer.err;
  EXPECT_EQ(answer.out, "E brunndndndndnd\n");
  EXPECT_NE(transept({"inspect", file}).out.find("not tokens"), std::string::npos);
  const ServerProcess server({kModel, "--memory-folder", "none"});
  const HttpResult put =
      http(server.port(), "PUT", "/v1/memories/" + std::string(64, '0') + "/data", bytes);
  EXPECT_EQ(put.status, 422) << put.body;
}

// A client brings other numbers under the right id. While they are being read for somebody who asks
// by id, a text of the same id does not get them.
TEST(ServeMemories, ATextWaitsForNoUploadedMemory) {
  const ServerProcess server({kModel, "--memory-folder", scratch("forged"), "--memory-mib", "0"});
  const std::string id = text_of(http(server.port(), "POST", "/v1/memories", kFox), "id");
  const std::string path = "/v1/memories/" + id;
  const HttpResult right = http(server.port(), "POST", "/v1/generate",
                                R"({"input": "The quick brown fox jumped over the lazy dog"})");
  std::string forged = http(server.port(), "GET", path + "/data").body;
  for (size_t i = forged.size() / 2; i < forged.size() / 2 + 400; i += 4) forged[i] ^= 0x40;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(http(server.port(), "DELETE", path).status, 204);
    ASSERT_EQ(http(server.port(), "PUT", path + "/data", forged).status, 201);
    std::thread by_id([&] {
      for (int k = 0; k < 3; ++k) (void)http(server.port(), "GET", path);
    });
    const HttpResult answer = http(server.port(), "POST", "/v1/generate",
                                   R"({"input": "The quick brown fox jumped over the lazy dog"})");
    by_id.join();
    EXPECT_EQ(number_of(answer, "encoder_runs"), 1) << i;
    EXPECT_EQ(hypotheses_of(answer), hypotheses_of(right)) << i;
  }
}

// A namespace follows from the key's name: on every server, whatever the secret.
TEST(ServeMemories, AKeysNameIsItsNamespace) {
  const ServerProcess first({kModel, "--memory-folder", "none", "--api-keys", keys()});
  const ServerProcess second({kModel, "--memory-folder", "none", "--api-keys",
                              keys("alice another-secret\nalice alice-secret\n")});
  const HttpResult here = http(first.port(), "POST", "/v1/memories", kFox, kAlice);
  const std::string path = "/v1/memories/" + text_of(here, "id") + "/data";
  const std::string data = http(first.port(), "GET", path, "", kAlice).body;
  EXPECT_EQ(http(second.port(), "PUT", path, data, kAlice).status, 201);
  const HttpResult there = http(second.port(), "GET", "/v1/memories/" + text_of(here, "id"), "",
                                "Authorization: Bearer another-secret\r\n");
  EXPECT_EQ(there.status, 200) << "two lines of one name are one tenant";
}

TEST(ServeMemories, KeysShareTheirsIfAsked) {
  const ServerProcess server(
      {kModel, "--memory-folder", "none", "--api-keys", keys(), "--shared-memories"});
  const HttpResult hers = http(server.port(), "POST", "/v1/memories", kFox, kAlice);
  const HttpResult his = http(server.port(), "POST", "/v1/memories", kFox, kBob);
  EXPECT_EQ(number_of(his, "encoder_runs"), 0);
  EXPECT_EQ(text_of(his, "id"), text_of(hers, "id"));
  // And are those of a server without keys.
  const ServerProcess open({kModel, "--memory-folder", "none"});
  EXPECT_EQ(text_of(http(open.port(), "POST", "/v1/memories", kFox), "id"), text_of(hers, "id"));
}

// What one key sends does not push out all that another has.
TEST(ServeMemories, WhoHoldsMostGivesFirst) {
  const ServerProcess server({kModel, "--memory-folder", scratch("shares"), "--api-keys", keys(),
                              "--memory-mib", "1", "--memory-disk-mib", "1"});
  const HttpResult hers = http(server.port(), "POST", "/v1/memories", tokens(600, 0), kAlice);
  ASSERT_EQ(hers.status, 201) << hers.body;
  for (int i = 1; i < 40; ++i)
    ASSERT_EQ(http(server.port(), "POST", "/v1/memories", tokens(600, i), kBob).status, 201);
  EXPECT_NE(metric(server.port(), "transept_memory_evictions_total{from=\"disk\"}"), "0");
  EXPECT_NE(metric(server.port(), "transept_memory_evictions_total{from=\"ram\"}"), "0");
  const HttpResult again = http(server.port(), "POST", "/v1/memories", tokens(600, 0), kAlice);
  EXPECT_EQ(number_of(again, "encoder_runs"), 0);
}

TEST(ServeMemories, ListsInPages) {
  const ServerProcess server({kModel, "--memory-folder", "none"});
  std::set<std::string> made;
  for (int i = 0; i < 25; ++i)
    made.insert(text_of(http(server.port(), "POST", "/v1/memories", tokens(5, i)), "id"));
  std::set<std::string> listed;
  std::string after;
  int pages = 0;
  do {
    const HttpResult page = http(
        server.port(), "GET", "/v1/memories?limit=10" + (after.empty() ? "" : "&after=" + after));
    const JsonDocument document = JsonDocument::parse(page.body, "page");
    const std::vector<Json> memories = document.root().at("memories").elements();
    EXPECT_LE(memories.size(), 10U);
    for (const Json& memory : memories) listed.emplace(memory.at("id").as_string());
    const auto next = document.root().find("next");
    after = next ? std::string(next->as_string()) : "";
    ++pages;
  } while (!after.empty() && pages < 10);
  EXPECT_EQ(listed, made);
  EXPECT_EQ(pages, 3);
  for (const char* wrong : {"limit=0", "limit=1001", "limit=ten", "limit=", "first=3"})
    EXPECT_EQ(http(server.port(), "GET", std::string("/v1/memories?") + wrong).status, 400)
        << wrong;
}

TEST(ServeMemories, AListingCostsWhatItLists) {
  const ServerProcess server({kModel, "--memory-folder", "none"});
  int made = 0;
  const auto make = [&](int n) {
    for (; made < n; ++made)
      ASSERT_EQ(http(server.port(), "POST", "/v1/memories",
                     R"({"ids": [)" + std::to_string(3 + made % 150) + ", " +
                         std::to_string(3 + made / 150) + ", 1]}")
                    .status,
                201);
  };
  const auto cost = [&] {
    const double before = server.processor_seconds();
    for (int i = 0; i < 50; ++i)
      EXPECT_EQ(http(server.port(), "GET", "/v1/memories?limit=20").status, 200);
    return server.processor_seconds() - before;
  };
  make(100);
  (void)cost();
  const double few = cost();
  make(1000);
  EXPECT_LE(cost(), 3 * few) << "a page of 20, whatever there is";
}

}  // namespace
}  // namespace transept::testing
