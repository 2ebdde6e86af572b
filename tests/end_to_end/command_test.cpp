#include "end_to_end/command.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>

namespace transept::testing {
namespace {

const std::string kText = model("tiny-t5-text");

void expect_one_line(const Result& r, int code, const std::string& part) {
  EXPECT_EQ(r.code, code) << r.err;
  EXPECT_EQ(r.out, "");
  ASSERT_EQ(lines(r.err).size(), 1u) << r.err;
  EXPECT_EQ(r.err.rfind("transept: ", 0), 0u) << r.err;
  EXPECT_NE(r.err.find(part), std::string::npos) << r.err;
}

TEST(Command, TellsWrongUsageInOneLine) {
  expect_one_line(transept({"translate"}), 2, "translate");
  expect_one_line(transept({"generate", kText, "--beem", "4"}), 2, "--beam");
  expect_one_line(transept({"generate", kText, "--beam", "many"}), 2, "--beam many");
  expect_one_line(transept({"generate", kText, "--beam", "0"}), 2, "1 to");
  expect_one_line(transept({"generate", kText, "--beam"}), 2, "value");
  expect_one_line(transept({"generate", kText, "--format", "xml"}), 2, "jsonl");
  expect_one_line(transept({"generate", kText, "extra"}), 2, "extra");
  expect_one_line(transept({"generate", kText, "--early-stopping", "maybe"}), 2, "never");
  expect_one_line(transept({"generate", kText, "--input", "a", "--input-file", "b"}), 2, "exclude");
  EXPECT_EQ(transept({}).code, 2);
}

TEST(Command, TellsWhatIsMissing) {
  expect_one_line(transept({"generate", "/nonexistent"}), 66, "/nonexistent");
  expect_one_line(transept({"generate", kText, "--input-file", "/nonexistent"}), 66,
                  "/nonexistent");
}

TEST(Command, HelpsWithAnExampleForEveryVerb) {
  const Result general = transept({"--help"});
  EXPECT_EQ(general.code, 0);
  for (const char* verb : {"generate", "encode", "score", "explain", "tokenize", "inspect",
                           "convert", "vocab", "train", "eval", "compare", "serve", "bench"}) {
    EXPECT_NE(general.out.find(verb), std::string::npos);
    const Result help = transept({verb, "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_EQ(help.err, "");
    EXPECT_NE(help.out.find(std::string("transept ") + verb + " "), std::string::npos);
    EXPECT_NE(help.out.find("Example:"), std::string::npos);
    EXPECT_EQ(transept({verb, "--version"}).out, transept({"--version"}).out);
    for (const char* flag : {"--threads ", "--format ", "--color ", "--quiet "})
      EXPECT_NE(help.out.find(flag), std::string::npos) << verb << " " << flag;
  }
  EXPECT_EQ(transept({"--version"}).out.rfind("transept ", 0), 0u);
}

TEST(Command, ReadsOptionsFromTheEnvironment) {
  const Command from_environment{.arguments = {"generate"},
                                 .environment = {{"TRANSEPT_MODEL", kText},
                                                 {"TRANSEPT_INPUT", "The dog"},
                                                 {"TRANSEPT_MAX_NEW_TOKENS", "3"},
                                                 {"TRANSEPT_FORMAT", "jsonl"}}};
  const Result direct = transept(
      {"generate", kText, "--input", "The dog", "--max-new-tokens", "3", "--format", "jsonl"});
  EXPECT_EQ(from_environment.run().out, direct.out);
  EXPECT_NE(direct.out, "");
  const Command wrong{.arguments = {"generate", kText}, .environment = {{"TRANSEPT_BEAM", "x"}}};
  expect_one_line(wrong.run(), 2, "TRANSEPT_BEAM");
  const Command outweighed{
      .arguments = {"generate", kText, "--input", "The dog", "--max-new-tokens", "3", "--format",
                    "jsonl"},
      .environment = {{"TRANSEPT_INPUT_FILE", "/nonexistent"}, {"TRANSEPT_MAX_NEW_TOKENS", "2"}}};
  EXPECT_EQ(outweighed.run().out, direct.out);
}

TEST(Command, EndsQuietlyWhenTheReaderHasGone) {
  const Result r = Command{.arguments = {"generate", kText, "--batch-size", "1"},
                           .input = "The dog\nThe fox\n",
                           .close_output = true}
                       .run();
  EXPECT_EQ(r.code, 0);
  EXPECT_EQ(r.err, "");
}

TEST(Command, ReportsAFullDisk) {
  for (const char* verb : {"generate", "tokenize", "--help"}) {
    const Result r =
        Command{.arguments = verb == std::string("--help") ? std::vector<std::string>{verb}
                                                           : std::vector<std::string>{verb, kText},
                .input = "The dog\n",
                .output_file = "/dev/full"}
            .run();
    expect_one_line(r, 74, "standard output");
  }
}

TEST(Command, AnswersLineByLineAndStopsOnInterrupt) {
  const Result r =
      Command{
          .arguments = {"generate", kText}, .input = "The dog\n", .interrupt_after_a_line = true}
          .run();
  EXPECT_EQ(r.code, 130);
  EXPECT_EQ(lines(r.out).size(), 1u);
}

// In the middle of an encoding that would take minutes of processor time.
TEST(Command, StopsOnInterruptInsideALongInput) {
  std::string input = "5\n5";
  for (int i = 0; i < 150'000; ++i) input += " 5";
  rusage before{};
  getrusage(RUSAGE_CHILDREN, &before);
  const Result r = Command{.arguments = {"generate", kText, "--source-ids", "--stream"},
                           .input = input + "\n",
                           .interrupt_after_a_line = true}
                       .run();
  rusage after{};
  getrusage(RUSAGE_CHILDREN, &after);
  EXPECT_EQ(r.code, 130);
  EXPECT_EQ(lines(r.out).size(), 1U);
  EXPECT_LT(after.ru_utime.tv_sec - before.ru_utime.tv_sec, 10);
}

// A shell, and a script for it that prints what it makes of `transept generate --be` and the tab
// key; its argument is the file that --completion wrote.
struct Shell {
  const char* name;
  const char* command;
  const char* script;
};

const Shell kShells[] = {
    {"bash", "bash --norc", R"(source "$1"
COMP_WORDS=(transept generate --be); COMP_CWORD=2; _transept
echo "${COMPREPLY[*]}"
)"},
    // On a terminal of its own, where the line after the tab key goes into a file.
    {"zsh", "zsh -f", R"(zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "autoload -Uz compinit; compinit -u -D; source $1"
zpty -n -w shell $'transept generate --be\t\C-aprint -r -- \C-e > '$1$'.line\n'
zpty -w shell exit
while zpty -r shell output; do :; done
words=($(<$1.line)); print -r -- $words[3]
)"},
    {"fish", "fish --no-config", R"(source $argv[1]
complete -C "transept generate --be" | string split --fields 1 \t
)"}};

class Completion : public ::testing::TestWithParam<Shell> {};

TEST_P(Completion, CompletesAnOption) {
  const std::string name = GetParam().name;
  const Result written = transept({"--completion", name});
  EXPECT_EQ(written.code, 0);
  EXPECT_NE(written.out.find("max-new-tokens"), std::string::npos);
  if (std::system(("command -v " + name + " > /dev/null").c_str()) != 0)
    GTEST_SKIP() << "there is no " << name << " here";
  const std::string file = scratch("completion." + name);
  const std::string script = scratch("ask." + name);
  write(file, written.out);
  write(script, GetParam().script);
  const std::string ask = GetParam().command + (" " + script) + " " + file;
  EXPECT_EQ(std::system((ask + " > " + file + ".answer").c_str()), 0);
  EXPECT_EQ(read(file + ".answer"), "--beam\n");
}

INSTANTIATE_TEST_SUITE_P(Shells, Completion, ::testing::ValuesIn(kShells),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Command, KnowsNoOtherShell) {
  EXPECT_EQ(transept({"--completion", "csh"}).code, 2);
}

TEST(Command, WritesIntoADeviceAndNotOverIt) {
  const std::string full = scratch("full");
  std::filesystem::create_symlink("/dev/full", full);
  for (const char* verb : {"encode", "explain"}) {
    expect_one_line(transept({verb, kText, "--input", "The dog", "--output", full}), 74, full);
    EXPECT_TRUE(std::filesystem::is_symlink(full));
  }
}

TEST(Command, ListsInstructionSets) {
  const Result r = transept({"bench", "--list-isa"});
  EXPECT_EQ(r.code, 0);
  EXPECT_NE(r.out.find("reference"), std::string::npos);
  const Command unknown{.arguments = {"generate", kText, "--input", "The dog"},
                        .environment = {{"TRANSEPT_ISA", "mmx"}}};
  EXPECT_EQ(unknown.run().code, 2);
}

}  // namespace
}  // namespace transept::testing
