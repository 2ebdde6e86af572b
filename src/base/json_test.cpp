#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ctime>
#include <functional>

#include "base/damage_testing.h"

namespace transept {
namespace {

TEST(Json, ErrorsNameFileAndPath) {
  const JsonDocument document =
      JsonDocument::parse(R"({"decoder": {"sizes": [1, "two"]}})", "config.json");
  try {
    (void)document.root().at("decoder").at("sizes").elements()[1].as_int();
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::bad_data);
    EXPECT_STREQ(e.what(), "config.json: decoder.sizes[1]: a string, expected an integer");
  }
}

TEST(Json, MissingAndNullTakeTheDefault) {
  const JsonDocument document = JsonDocument::parse(R"({"a": null, "b": 2.5})", "x");
  EXPECT_EQ(document.root().get("a", 7), 7);
  EXPECT_EQ(document.root().get("c", "none"), "none");
  EXPECT_EQ(document.root().get("b", 0.0), 2.5);
  EXPECT_THROW((void)document.root().at("c"), Error);
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* text : {"", "{", "[1,]", "{\"a\" 1}", "\"\xff\"", "1 2", "nul"}) {
    EXPECT_THROW((void)JsonDocument::parse(text, "x"), Error) << text;
  }
  EXPECT_THROW((void)JsonDocument::parse(std::string(100000, '['), "x"), Error);
}

// Reads every value of the document.
void walk(const Json& json) {
  if (json.is_object()) return json.each_member([](auto, const Json& value) { walk(value); });
  if (json.is_array()) return json.each_element([](size_t, const Json& value) { walk(value); });
  if (json.is_string()) (void)json.as_string();
}

TEST(Json, DamageIsAnErrorOrHarmless) {
  const std::string good =
      R"({"a\u00e9\n": [1, -2.5e-3, true, null, 1e30, NaN, -Infinity, 3.0, "\ud83d\ude00 é"], "": {"b": {}, "c": [[]]}, "d": "\\", "e": 1, "e": 2})";
  walk(JsonDocument::parse(good, "x").root());
  testing::for_each_damage(good, good.size() * 8, [](const std::string& damaged) {
    const size_t peak = testing::peak_allocation([&] {
      try {
        walk(JsonDocument::parse(damaged, "x").root());
      } catch (const Error& e) {
        EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
      }
    });
    EXPECT_LE(peak, 2 * damaged.size() + (64 << 10));
  });
}

TEST(Json, KnowsItsPlace) {
  const JsonDocument document =
      JsonDocument::parse(R"({"a":[1,{"b":[[],[2,3]]}],"c":{"d":4}})", "x.json");
  const Json root = document.root();
  EXPECT_EQ(root.where(), "x.json");
  EXPECT_EQ(root.at("a").where(), "x.json: a");
  const Json b = root.at("a").elements()[1].at("b");
  EXPECT_EQ(b.elements()[0].where(), "x.json: a[1].b[0]");
  EXPECT_EQ(b.elements()[1].elements()[1].where(), "x.json: a[1].b[1][1]");
  EXPECT_EQ(fmt::format("{}", root.at("c").at("d")), "x.json: c.d");
}

std::string problem_of(std::string_view text, JsonForm form = JsonForm::strict) {
  try {
    (void)JsonDocument::parse(text, "x", form);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::bad_data);
    return e.what();
  }
  return "none";
}

TEST(Json, SaysWhereAndWhat) {
  const std::string x = "x: not valid JSON: line ";
  EXPECT_EQ(problem_of(""), x + "1, column 1: no value");
  EXPECT_EQ(problem_of(" \n "), x + "1, column 1: no value");
  EXPECT_EQ(problem_of("{\n  \"a\": 1\n  \"b\": 2}"), x + "3, column 3: unexpected \"b");
  EXPECT_EQ(problem_of("{\"a\": [1, 2}"), x + "1, column 12: unexpected }");
  EXPECT_EQ(problem_of("[1,]"), x + "1, column 4: unexpected ]");
  EXPECT_EQ(problem_of("{\"a\": 01}"), x + "1, column 7: unexpected 01");
  EXPECT_EQ(problem_of("[tru]"), x + "1, column 2: unexpected tru");
  EXPECT_EQ(problem_of("{\"a\": [1"), x + "1, column 9: the text ends too early");
  EXPECT_EQ(problem_of("{"), x + "1, column 2: the text ends too early");
  EXPECT_EQ(problem_of("1 2"), x + "1, column 3: unexpected 2");
  EXPECT_EQ(problem_of("1, 2"), x + "1, column 4: more than one value");
  EXPECT_EQ(problem_of("1],[2"), x + "1, column 2: unexpected ]");
  EXPECT_EQ(problem_of("]"), x + "1, column 1: unexpected ]");
  EXPECT_EQ(problem_of("\"é\\x\""), x + "1, column 3: a backslash that begins no escape of JSON");
  EXPECT_EQ(problem_of("[\"é\xff\"]"), x + "1, column 4: not UTF-8");
  EXPECT_EQ(problem_of("\"a\nb\""),
            x + "1, column 3: the control character U+000A in a string, where JSON has an escape");
  EXPECT_EQ(problem_of("[\"a"), x + "1, column 2: a string that is not closed");
  EXPECT_EQ(problem_of(std::string("\xff\xfe{\0}\0", 6)),
            x + "1, column 1: a byte order mark of UTF-16; JSON is UTF-8");
  EXPECT_EQ(problem_of(std::string("{}\0", 3)), x + "1, column 3: the control character U+0000");
  EXPECT_EQ(problem_of(std::string(257, '[')), x + "1, column 257: deeper than 256");
  EXPECT_EQ(problem_of(std::string(256, '[') + std::string(256, ']')), "none");
}

TEST(Json, HalfASurrogatePairIsNamed) {
  const std::string half = " is half a surrogate pair, without the other half";
  const std::string x = "x: not valid JSON: line 1, column ";
  for (const JsonForm form : {JsonForm::strict, JsonForm::file}) {
    EXPECT_EQ(problem_of(R"({"a": "one \ud83d two"})", form), x + "12: \\ud83d" + half);
    EXPECT_EQ(problem_of(R"({"\uDE00": 1})", form), x + "3: \\uDE00" + half);
    EXPECT_EQ(problem_of(R"(["\ud83d\ud83d\ude00"])", form), x + "3: \\ud83d" + half);
    EXPECT_EQ(problem_of(R"(["\ud83d\ude00"])", form), "none");
  }
}

TEST(Json, IntegersAnyLengthAndAnySpelling) {
  const JsonDocument document = JsonDocument::parse(
      R"([3.0, 1e3, 12E-1, -0, -0.0, 9223372036854775807, -9223372036854775808,
          9223372036854775808, -9223372036854775809, 18446744073709551616,
          1000000000000000019884624838656, 1e400, 1e-400, -1e99999999999999999999,
          1e-99999999999999999999, 0.5])",
      "x");
  const std::vector<Json> v = document.root().elements();
  EXPECT_EQ(v[0].as_int(), 3);
  EXPECT_TRUE(v[0].is_integer());
  EXPECT_EQ(v[1].as_int(1, 1000), 1000);
  EXPECT_FALSE(v[2].is_integer());
  EXPECT_EQ(v[3].as_int(), 0);
  EXPECT_TRUE(std::signbit(v[3].as_number()));  // as in JavaScript, and as ever here
  EXPECT_TRUE(std::signbit(v[4].as_number()));
  EXPECT_EQ(v[5].as_int(), INT64_MAX);
  EXPECT_EQ(v[6].as_int(), INT64_MIN);
  for (const size_t i : {7, 8, 9, 10}) {
    EXPECT_FALSE(v[i].is_integer()) << i;
    EXPECT_THROW((void)v[i].as_int(), Error) << i;
  }
  EXPECT_EQ(v[9].as_number(), 0x1p64);
  EXPECT_EQ(v[10].as_number(), 1e30);
  EXPECT_THROW((void)v[11].as_number(), Error);  // infinite
  EXPECT_EQ(v[12].as_number(), 0);
  EXPECT_THROW((void)v[13].as_number(), Error);
  EXPECT_EQ(v[14].as_number(), 0);
  EXPECT_THROW((void)v[15].as_int(), Error);
  const std::string digits(100000, '7');
  EXPECT_EQ(JsonDocument::parse("{\"n\": " + digits + ", \"a\": 1}", "x").root().get("a", 0), 1);
}

TEST(Json, FilesMayHoldWhatPythonWritesForNumbers) {
  const char* text = R"({"a": NaN, "b": [Infinity, -Infinity], "c": 1})";
  const JsonDocument document = JsonDocument::parse(text, "x");
  EXPECT_EQ(document.root().get("c", 0), 1);
  EXPECT_FALSE(document.root().at("a").is_integer());
  EXPECT_THROW((void)document.root().at("a").as_number(), Error);
  EXPECT_THROW((void)document.root().at("a").as_int(), Error);
  EXPECT_EQ(problem_of(text), "x: not valid JSON: line 1, column 7: NaN is not a finite number");
  EXPECT_EQ(problem_of("[1, -Infinity]"),
            "x: not valid JSON: line 1, column 5: -Infinity is not a finite number");
  EXPECT_EQ(problem_of("[1e400]"),
            "x: not valid JSON: line 1, column 2: 1e400 is not a finite number");
  for (const char* other :
       {"nan", "+1", "inf", "Inf", "-NaN", "NaNs", "Infinity1", ".5", "1.", "0x1"})
    EXPECT_NE(problem_of(other, JsonForm::file), "none") << other;
}

TEST(Json, AByteOrderMarkIsDropped) {
  EXPECT_EQ(JsonDocument::parse("\xEF\xBB\xBF{\"a\": 1}", "x").root().get("a", 0), 1);
  EXPECT_NE(problem_of("{\xEF\xBB\xBF}"), "none");
}

TEST(Json, OfMembersOfOneNameTheLastCounts) {
  for (const int more : {0, 10, 100}) {  // objects with and without a table
    std::string text = R"({"a": 1, "b": {"x": 1}, "a": 2, )";
    for (int i = 0; i < more; ++i) text += fmt::format("\"m{0}\": {0}, \"m{0}\": -{0}, ", i);
    const JsonDocument document = JsonDocument::parse(text + R"("c": 1, "\u0061": [3]})", "x");
    const Json root = document.root();
    EXPECT_EQ(root.size(), static_cast<size_t>(3 + more));
    EXPECT_EQ(root.at("a").elements()[0].as_int(), 3);
    for (int i = 0; i < more; ++i) EXPECT_EQ(root.at(fmt::format("m{}", i)).as_int(), -i);
    size_t members = 0;
    root.each_member([&](std::string_view key, const Json& value) {
      ++members;
      EXPECT_EQ(value.where(), fmt::format("x: {}", key));
    });
    EXPECT_EQ(members, root.size());
    EXPECT_EQ(root.repeated_key(), "a");
    EXPECT_EQ(root.at("b").repeated_key(), std::nullopt);
    EXPECT_EQ(root.at("a").elements()[0].where(), "x: a[0]");
  }
}

// Ten times as much may take more than ten times as long, for caches are of one size; what is not
// linear takes a hundred times as long.
constexpr double kLinear = 30;

// Seconds of processor time, the best of several runs.
double cost(const std::function<void()>& f) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const std::clock_t begin = std::clock();
    f();
    best = std::min(best, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  return best;
}

TEST(Json, ALookUpCostsTheSameInALargeObject) {
  const auto look_up_all = [](int n) {
    std::string text = "{";
    for (int i = 0; i < n; ++i) text += fmt::format("\"key {0}\": {0}, ", i);
    const JsonDocument document = JsonDocument::parse(text + "\"\": 0}", "x");
    return cost([&] {
      for (int i = 0; i < n; ++i) EXPECT_EQ(document.root().get(fmt::format("key {}", i), -1), i);
    });
  };
  EXPECT_LE(look_up_all(50000), kLinear * look_up_all(5000));
}

TEST(Json, ReadingIsLinear) {
  const auto read = [](const std::string& piece, int n) {
    std::string text = "{\"v\": [";
    for (int i = 0; i < n; ++i) text += piece + ", ";
    text += "0], \"m\": {";
    for (int i = 0; i < n; ++i) text += fmt::format("\"{}\": {}, ", i % (n / 2), piece);
    text += "\"\": 0}}";
    return cost([&] { walk(JsonDocument::parse(text, "x").root()); });
  };
  for (const char* piece :
       {"1", "\"text\"", "[]", "{\"a\": {}}", "12345678901234567890123", "1e-5"})
    EXPECT_LE(read(piece, 200000), kLinear * read(piece, 20000)) << piece;
}

TEST(Json, MemoryIsBoundedPerByteOfText) {
  for (const char* piece : {"1,", "[],", "\"\",", "{},", "{\"\":0},"}) {
    std::string text = "[";
    while (text.size() < 1 << 20) text += piece;
    text += "0]";
    const size_t peak =
        testing::peak_allocation([&] { (void)JsonDocument::parse(text, "x").root(); });
    EXPECT_LE(peak, 40 * text.size()) << piece;
  }
}

TEST(JsonWriter, WritesWhatReadsBackTheSame) {
  JsonWriter w;
  w.begin_object()
      .member("text", "a\"\\\n\x01é")
      .member("n", 0.1)
      .key("list")
      .begin_array()
      .value(1)
      .value(2)
      .end_array();
  w.end_object();
  EXPECT_EQ(w.text(), "{\"text\":\"a\\\"\\\\\\n\\u0001é\",\"n\":0.1,\"list\":[1,2]}");
  const JsonDocument document = JsonDocument::parse(w.text(), "x");
  EXPECT_EQ(document.root().at("text").as_string(), "a\"\\\n\x01é");
}

TEST(JsonWriter, KeepsTheSignOfZero) {
  JsonWriter w;
  w.begin_array().value(-0.0).value(-0.0F).value(0.0).end_array();
  EXPECT_EQ(w.text(), "[-0.0,-0.0,0]");
  const JsonDocument document = JsonDocument::parse(w.text(), "x");
  EXPECT_TRUE(std::signbit(document.root().elements()[0].as_number()));
}

}  // namespace
}  // namespace transept
