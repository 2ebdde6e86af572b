#include "base/json.h"

#include <gtest/gtest.h>

#include <cmath>

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
      R"({"a\u00e9\n": [1, -2.5e-3, true, null, "\ud83d\ude00 é"], "": {"b": {}, "c": [[]]}, "d": "\\"})";
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
