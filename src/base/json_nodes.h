// A parsed JSON document as one flat array of nodes in the order of the text: what json_parse.cpp
// fills once and json.cpp looks at.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace transept {

struct JsonNode {
  Json::Kind kind = Json::Kind::null;
  bool counts = true;  // of a key: no later member of its object has the same name
  uint32_t end = 0;    // the node behind this value and all that it holds
  struct Text {
    uint32_t offset, size;
  };
  struct Members {
    uint32_t count;  // elements of an array; members of an object that count
    uint32_t table;  // of a large object: where its table lies in `tables`, else 0
  };
  union {
    bool boolean;
    int64_t integer;
    double number;
    Text text;
    Members members;
  };
  JsonNode() : integer(0) {}
};
static_assert(sizeof(JsonNode) == 16);

// An array's elements follow it. An object's members follow it, each as a node for its key and one
// for its value.
struct JsonTree {
  std::string name;
  std::vector<JsonNode> nodes;
  std::unique_ptr<uint8_t[]> letters;  // of all strings, unescaped
  // Tables over the keys of large objects, open addressing. Each begins with a slot whose `key` is
  // the number of slots that follow, less one.
  struct Slot {
    uint32_t key = 0;  // its node; 0: free
    uint32_t tag = 0;  // tag_of its hash: other keys are told apart without a look at them
  };
  std::vector<Slot> tables;

  [[nodiscard]] std::string_view text(uint32_t node) const {
    const JsonNode::Text& t = nodes[node].text;
    return {reinterpret_cast<const char*>(letters.get()) + t.offset, t.size};
  }
  // The key of this object's member, 0 if there is none.
  [[nodiscard]] uint32_t find(uint32_t object, std::string_view key) const;
  // In `tables`: the slot that the key has, or would have.
  [[nodiscard]] uint32_t slot_of(uint32_t table, std::string_view key, uint64_t hash) const;
  [[nodiscard]] static uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }
};

// Objects of more members have a table.
inline constexpr uint32_t kMostMembersWithoutTable = 16;

// Fills nodes, letters and tables; Error bad_data that says line, column and what is wrong.
void parse_json(std::string_view text, JsonForm form, JsonTree& out);

}  // namespace transept
