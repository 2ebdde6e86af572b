// Admission: who may ask, and how much. Work is counted in estimated tokens: what a request would
// read and write at most. Too much for one key: 429 with the time to wait. Too much for the server:
// 503. Belongs to the I/O thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "serve/options.h"

namespace transept::serve {

class Admission {
 public:
  // Error not_found or bad_data naming the key file's line.
  explicit Admission(const AdmissionOptions& options);

  struct Key {
    std::string name;
    std::uint64_t number = 0;  // names it where work is shared out (Scope::owner)
    std::string secret;
    std::string space;  // whose memories it has
    KeyLimits limits;
    double available = 0;  // tokens in the bucket: a minute's worth at most
    double filled_at = 0;  // seconds
    int running = 0;
    std::int64_t tokens = 0;  // of what is running
  };

  // The key file's lines, "NAME SECRET [tokens_per_minute=N] [concurrent=N]"; "#" begins a comment.
  // Any thread. Error not_found, or bad_data naming the line.
  [[nodiscard]] static std::vector<Key> read_keys(const AdmissionOptions& options);
  // From now on these. A key that stays keeps what it has used; one that is gone lets the requests
  // end that began with it.
  void replace_keys(std::vector<Key> keys);

  // The key that a request carries ("Authorization: Bearer …", DeepL's and others' forms). Refusal
  // 401 if it needs one and has none that is known.
  [[nodiscard]] Key& key_of(std::string_view authorization, std::string_view api_key);
  [[nodiscard]] bool needs_key() const { return needs_key_; }
  // For paths that need no key.
  [[nodiscard]] Key& everybody() { return everybody_; }

  // What a request holds while it is being answered.
  class Ticket {
   public:
    Ticket(Admission& admission, Key& key, std::int64_t tokens);
    ~Ticket();
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

   private:
    Admission& admission_;
    Key& key_;
    std::int64_t tokens_;
  };
  // Refusal 429 or 503. A key may have its part of all tokens – by the number of keys that have
  // some – also where others have borrowed it.
  [[nodiscard]] std::unique_ptr<Ticket> admit(Key& key, std::int64_t tokens);
  [[nodiscard]] std::int64_t tokens() const { return tokens_; }

 private:
  void check_rate(Key& key, std::int64_t tokens);

  AdmissionOptions options_;
  bool needs_key_ = false;
  std::vector<std::unique_ptr<Key>> keys_;
  std::vector<std::unique_ptr<Key>> retired_;  // no longer valid; their requests may still run
  std::uint64_t last_number_ = 0;              // of a key
  Key everybody_;
  std::int64_t tokens_ = 0;
  int busy_keys_ = 0;  // that have something running
};

}  // namespace transept::serve
