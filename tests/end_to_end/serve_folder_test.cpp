// The folder that memories are kept in, and how much of it one request may take.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

const std::string kFingerprint = "3dfa1248f10fe5e81469a09358850abf";  // of kModel

std::string tokens(int n, int seed) {
  std::string ids;
  for (int k = 0; k < n - 1; ++k) ids += std::to_string(3 + (seed * 31 + k * 7) % 150) + ", ";
  return R"({"ids": [)" + ids + "1]}";
}

std::string made(const ServerProcess& server, const std::string& body) {
  const HttpResult result = http(server.port(), "POST", "/v1/memories", body);
  EXPECT_LE(result.status, 201) << result.body;
  return text_of(result, "id");
}

std::string list_of(const std::string& id, int n) {
  std::string ids;
  for (int i = 0; i < n; ++i) ids += (i == 0 ? "\"" : ", \"") + id + "\"";
  return R"({"memories": [)" + ids + "]}";
}

fs::path only_file(const std::string& folder) {
  fs::path found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".memory") found = entry.path();
  return found;
}

int mode_of(const fs::path& path) {
  return static_cast<int>(fs::symlink_status(path).permissions() & fs::perms::mask);
}

void expect_private(const std::string& folder) {
  EXPECT_EQ(mode_of(folder), 0700) << folder;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    EXPECT_EQ(mode_of(entry.path()), entry.is_directory() ? 0700 : 0600) << entry.path();
}

TEST(ServeFolder, NobodyElseReadsIt) {
  const std::string folder = scratch("deep") + "/er/private";
  {
    const ServerProcess server({kModel, "--memory-folder", folder});
    made(server, kFox);
  }
  EXPECT_FALSE(only_file(folder).empty());
  expect_private(folder);
  // As an older server has left it.
  fs::permissions(folder, fs::perms(0755));
  fs::permissions(only_file(folder).parent_path(), fs::perms(0755));
  fs::permissions(only_file(folder), fs::perms(0644));
  write(folder + "/lock", "");
  fs::permissions(folder + "/lock", fs::perms(0600));
  {
    const ServerProcess server({kModel, "--memory-folder", folder});
    expect_private(folder);
  }
  // Somebody's own folder stays as it is; that is said.
  write(folder + "/notes.txt", "mine");
  fs::permissions(folder, fs::perms(0755));
  const ServerProcess server({kModel, "--memory-folder", folder});
  EXPECT_EQ(mode_of(folder), 0755);
  EXPECT_NE(server.log().find("others may look into this folder"), std::string::npos);
}

TEST(ServeFolder, IsLockedWhateverIsRemovedFromIt) {
  const std::string folder = scratch("locked");
  const ServerProcess server({kModel, "--memory-folder", folder});
  for (const auto& entry : fs::directory_iterator(folder)) fs::remove_all(entry.path());
  const Result second = transept({"serve", kModel, "--memory-folder", folder, "--port", "0"});
  EXPECT_EQ(second.code, 74) << second.err;
  EXPECT_NE(second.err.find("another server"), std::string::npos) << second.err;
  fs::create_directory_symlink(folder, folder + "-link");
  EXPECT_EQ(transept({"serve", kModel, "--memory-folder", folder + "-link", "--port", "0"}).code,
            74);
}

TEST(ServeFolder, StartsWhateverHasAMemorysName) {
  const std::string folder = scratch("odd");
  const std::string models = folder + "/" + kFingerprint;
  fs::create_directories(models);
  const auto name = [&](char digit) {
    return models + "/" + std::string(64, digit) + "." + std::string(64, digit) + ".memory";
  };
  ASSERT_EQ(mkfifo(name('1').c_str(), 0600), 0);
  fs::create_symlink(name('2'), name('2'));
  fs::create_directory(name('3'));
  fs::create_symlink("/etc/passwd", name('4'));
  fs::create_symlink(models, models + "/" + std::string(64, '5'));  // as a namespace
  const std::string kept[] = {models + "/notes.memory.tmpl.txt", models + "/a.memory.tmp12",
                              name('6') + ".tmp12x", name('6') + ".tmp-0123456789abcde",
                              models + "/a.memory.tmp-0123456789abcdef"};
  const std::string removed[] = {name('6') + ".tmp12345", name('6') + ".tmp-0123456789abcdef"};
  for (const std::string& file : kept) write(file, "x");
  for (const std::string& file : removed) write(file, "x");
  const ServerProcess server({kModel, "--memory-folder", folder});
  const std::string log = server.log();
  for (const char digit : {'1', '2', '3', '4'})
    EXPECT_NE(log.find(name(digit) + ": not a file"), std::string::npos) << digit;
  for (const std::string& file : kept) EXPECT_TRUE(fs::exists(file)) << file;
  for (const std::string& file : removed) EXPECT_FALSE(fs::exists(file)) << file;
  made(server, kFox);
}

// What takes a memory's name while the server runs: said, answered with 500, over when it is gone.
TEST(ServeFolder, NeitherPipesNorFoldersStopIt) {
  const std::string folder = scratch("replaced");
  const ServerProcess server({kModel, "--memory-folder", folder, "--memory-mib", "0"});
  const std::string id = made(server, kFox);
  const fs::path file = only_file(folder);
  const std::string question = R"({"memory": ")" + id + R"("})";
  const auto ask = [&] { return http(server.port(), "POST", "/v1/generate", question).status; };
  fs::rename(file, folder + "/aside");
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(ask(), 500);
  EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + id + "/data").status, 500);
  EXPECT_EQ(http(server.port(), "POST", "/v1/memories", kFox).status, 500);
  fs::remove(file);
  fs::create_directory(file);
  EXPECT_EQ(ask(), 500);
  fs::remove(file);
  made(server, R"({"ids": [5, 8, 1]})");  // the thread for files goes on
  fs::rename(folder + "/aside", file);
  EXPECT_EQ(ask(), 200);
}

TEST(ServeFolder, IsMadeAgain) {
  const std::string folder = scratch("deleted");
  const ServerProcess server({kModel, "--memory-folder", folder});
  const std::string id = made(server, kFox);
  fs::remove_all(folder);
  EXPECT_EQ(made(server, kFox), id);  // acknowledged: it is on disk
  made(server, R"({"ids": [5, 8, 1]})");
  EXPECT_TRUE(only_file(folder).has_filename());
  expect_private(folder);
  EXPECT_EQ(transept({"serve", kModel, "--memory-folder", folder, "--port", "0"}).code, 74);
}

TEST(ServeFolder, AnswersNameNoPaths) {
  const std::string folder = scratch("secret-place");
  const ServerProcess server({kModel, "--memory-folder", folder, "--memory-mib", "0"});
  const std::string id = made(server, kFox);
  const std::string models = only_file(folder).parent_path();
  const auto answers = [&] {
    std::string all;
    for (const char* path : {"", "/data"})
      all += http(server.port(), "GET", "/v1/memories/" + id + path).body;
    all += http(server.port(), "POST", "/v1/generate", R"({"memory": ")" + id + R"("})").body;
    all += http(server.port(), "POST", "/v1/memories", R"({"ids": [5, 8, 1]})").body;
    all += http(server.port(), "POST", "/v1/memories/concat", list_of(id, 2)).body;
    all += http(server.port(), "DELETE", "/v1/memories/" + id).body;
    return all;
  };
  fs::rename(models, models + "-aside");
  write(models, "a file where a folder was");
  const std::string said = answers();
  EXPECT_EQ(said.find("secret-place"), std::string::npos) << said;
  EXPECT_NE(said.find("its log says why"), std::string::npos) << said;
  EXPECT_NE(server.log().find(folder), std::string::npos);
}

// 40 KB of ids that stand for a million rows.
TEST(ServeFolder, CountsBeforeItJoins) {
  const std::string folder = scratch("joined");
  std::string id;
  {
    const ServerProcess server({kModel, "--memory-folder", folder});
    id = made(server, tokens(1000, 1));
  }
  const ServerProcess server({kModel, "--memory-folder", folder, "--max-memory-mib", "2"});
  const std::size_t before = server.resident_bytes();
  const HttpResult joined = http(server.port(), "POST", "/v1/memories/concat", list_of(id, 1024));
  EXPECT_EQ(joined.status, 413) << joined.body;
  EXPECT_NE(joined.body.find("joined they have 10"), std::string::npos) << joined.body;
  EXPECT_NE(joined.body.find("--max-memory-mib"), std::string::npos) << joined.body;
  EXPECT_LT(server.resident_bytes(), before + (8 << 20));
  EXPECT_EQ(metric(server.port(), "transept_memory_lookups_total{found=\"disk\"}"), "0");
  const HttpResult some = http(server.port(), "POST", "/v1/memories/concat", list_of(id, 2));
  EXPECT_EQ(some.status, 201) << some.body;
  EXPECT_EQ(number_of(some, "rows"), 2000);
  EXPECT_EQ(http(server.port(), "POST", "/v1/memories/concat", list_of(id, 1025)).status, 400);
}

TEST(ServeFolder, TakesNoMoreThanItJoins) {
  const ServerProcess large({kModel, "--memory-folder", "none"});
  const ServerProcess small({kModel, "--memory-folder", "none", "--max-memory-mib", "1"});
  const std::string path = "/v1/memories/" + made(large, tokens(3000, 1)) + "/data";
  const std::string data = http(large.port(), "GET", path).body;
  const HttpResult refused = http(small.port(), "PUT", path, data);
  EXPECT_EQ(refused.status, 413);
  EXPECT_NE(refused.body.find("the memory has 3000 rows"), std::string::npos) << refused.body;
}

// The largest that may be made is a part of the disk.
TEST(ServeFolder, TenJoinsDoNotTakeTheDisk) {
  const std::string folder = scratch("ten");
  const ServerProcess server({kModel, "--memory-folder", folder, "--memory-disk-mib", "2"});
  const std::string first = made(server, kFox);
  const std::string part = made(server, tokens(200, 3));
  int joined = 0;
  for (int n = 1; n <= 10; ++n) {
    const HttpResult result = http(server.port(), "POST", "/v1/memories/concat", list_of(part, n));
    EXPECT_TRUE(result.status == 201 || result.status == 413) << result.body;
    joined += result.status == 201 ? 1 : 0;
  }
  EXPECT_GE(joined, 5);
  EXPECT_LT(joined, 10);
  EXPECT_EQ(metric(server.port(), "transept_memory_evictions_total{from=\"disk\"}"), "0");
  EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + first).status, 200);
}

// A key's limit comes before anything is loaded or copied.
TEST(ServeFolder, AdmitsBeforeItWorks) {
  const std::string folder = scratch("admitted");
  const std::string file = scratch("limited-keys");
  write(file, "alice alice-secret tokens_per_minute=500\n");
  const std::string key = "Authorization: Bearer alice-secret\r\n";
  const std::vector<std::string> arguments = {kModel, "--memory-folder", folder, "--api-keys",
                                              file};
  std::string id;
  {
    const ServerProcess server(arguments);
    id = text_of(http(server.port(), "POST", "/v1/memories", tokens(300, 1), key), "id");
  }
  const ServerProcess server(arguments);
  EXPECT_EQ(http(server.port(), "POST", "/v1/memories/concat", list_of(id, 2), key).status, 413);
  EXPECT_EQ(metric(server.port(), "transept_memory_lookups_total{found=\"disk\"}"), "0");
  EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + id, "", key).status, 200);
  EXPECT_EQ(http(server.port(), "GET", "/v1/memories/" + id + "/data", "", key).status, 429);
  EXPECT_EQ(http(server.port(), "POST", "/v1/memories/concat", list_of(id, 1), key).status, 429);
}

TEST(ServeFolder, SendsAFilePieceByPiece) {
  const std::string folder = scratch("pieces");
  const ServerProcess kept({kModel, "--memory-folder", folder});
  const ServerProcess in_ram({kModel, "--memory-folder", "none"});
  const std::string body = tokens(4000, 1);  // more than a piece
  const std::string path = "/v1/memories/" + made(kept, body) + "/data";
  made(in_ram, body);
  const std::string file = read(only_file(folder).string());
  ASSERT_GT(file.size(), 300U << 10);
  EXPECT_TRUE(http(kept.port(), "GET", path).body == file);
  EXPECT_TRUE(http(in_ram.port(), "GET", path).body == file);
  // HEAD has no body, and the connection goes on.
  Socket socket(kept.port());
  socket.send("HEAD " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n" +
              "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string answers = socket.read_until("alive", 5);
  EXPECT_EQ(answers.find("200 OK"), 9U) << answers.substr(0, 300);
  EXPECT_NE(answers.find("HTTP/1.1 200 OK", 9), std::string::npos) << answers.substr(0, 300);
  EXPECT_LT(answers.size(), 2000U);
  // Not a damaged one.
  std::string bytes = file;
  bytes[bytes.size() - 100] ^= 1;
  write(only_file(folder).string(), bytes);
  const HttpResult damaged = http(kept.port(), "GET", path);
  EXPECT_TRUE(damaged.body == file) << "what is in RAM is right";
}

// n and 10 n memories joined: work in proportion.
TEST(ServeFolder, JoiningCostsWhatIsJoined) {
  const ServerProcess server({kModel, "--memory-folder", "none", "--max-memory-mib", "1024"});
  const std::string id = made(server, tokens(100, 1));
  const auto cost = [&](int n) {
    const double before = server.processor_seconds();
    for (int i = 0; i < 4; ++i)
      EXPECT_EQ(http(server.port(), "POST", "/v1/memories/concat", list_of(id, n)).status, 201);
    return server.processor_seconds() - before;
  };
  (void)cost(100);
  // The least processor time of some attempts, as company on the machine takes caches and clocks;
  // what grew with the square would take a hundred times as long.
  double few = 1e9;
  double many = 1e9;
  for (int round = 0; round < 5; ++round) {
    few = std::min(few, cost(100));
    many = std::min(many, cost(1000));
    if (many <= 12 * few) break;
  }
  EXPECT_LE(many, 25 * few) << few << " s of 100";
}

}  // namespace
}  // namespace transept::testing
