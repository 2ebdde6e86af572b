#include "serve/admission.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <utility>

#include "base/file.h"
#include "serve/errors.h"
#include "serve/http.h"
#include "serve/memory_name.h"

namespace transept::serve {
namespace {

constexpr double kMinute = 60;
constexpr size_t kLeastSecret = 8;
constexpr size_t kMostKeyBytes = size_t{1} << 20;

// Takes as long for a wrong secret as for the right one: nothing is learnt from the time. (How long
// a secret is does show.)
bool same_secret(std::string_view a, std::string_view b) {
  unsigned different = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i)
    different |= static_cast<unsigned char>(a[i]) ^
                 static_cast<unsigned char>(b.empty() ? '\0' : b[i % b.size()]);
  volatile unsigned result = different;
  return result == 0;
}

void read_limit(std::string_view word, const std::string& where, KeyLimits& limits) {
  const size_t equals = word.find('=');
  std::int64_t number = -1;
  if (equals != std::string_view::npos) {
    const std::string_view digits = word.substr(equals + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size()) number = -1;
  }
  const std::string_view name = word.substr(0, equals);
  const bool rate = name == "tokens_per_minute";
  check((rate || name == "concurrent") && number >= 0 && number <= 1'000'000'000,
        ErrorCode::bad_data, "{}: '{}': expected tokens_per_minute=N or concurrent=N", where, word);
  if (rate)
    limits.tokens_per_minute = number;
  else
    limits.concurrent = static_cast<int>(number);
}

std::string_view after_scheme(std::string_view authorization) {
  for (const std::string_view scheme : {"Bearer ", "DeepL-Auth-Key "}) {
    if (authorization.size() > scheme.size() &&
        same_ignoring_case(authorization.substr(0, scheme.size()), scheme))
      return authorization.substr(scheme.size());
  }
  return {};
}

}  // namespace

Admission::Admission(const AdmissionOptions& options) : options_(options) {
  everybody_.name = "everybody";
  everybody_.space = kShared;
  everybody_.limits = options.limits;
  everybody_.available = static_cast<double>(options.limits.tokens_per_minute);
  everybody_.filled_at = now_seconds();
  if (options.key_file.empty()) return;
  needs_key_ = true;
  replace_keys(read_keys(options));
}

std::vector<Admission::Key> Admission::read_keys(const AdmissionOptions& options) {
  const std::string file = options.key_file.string();
  std::istringstream lines(read_file(options.key_file, kMostKeyBytes));
  std::vector<Key> keys;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string where = fmt::format("{}, line {}", file, ++number);
    std::istringstream words(line.substr(0, line.find('#')));
    Key key;
    if (!(words >> key.name)) continue;
    check(static_cast<bool>(words >> key.secret) && key.secret.size() >= kLeastSecret,
          ErrorCode::bad_data, "{}: expected NAME SECRET, the secret of {} characters at least",
          where, kLeastSecret);
    key.space = options.shared_memories ? std::string(kShared) : space_of(key.name);
    key.limits = options.limits;
    for (std::string word; words >> word;) read_limit(word, where, key.limits);
    key.available = static_cast<double>(key.limits.tokens_per_minute);
    key.filled_at = now_seconds();
    keys.push_back(std::move(key));
  }
  check(!keys.empty(), ErrorCode::bad_data, "{}: no key in it; a line is NAME SECRET", file);
  return keys;
}

void Admission::replace_keys(std::vector<Key> keys) {
  std::vector<std::unique_ptr<Key>> old = std::exchange(keys_, {});
  for (auto& gone : retired_) old.push_back(std::move(gone));  // one may come back
  retired_.clear();
  for (Key& key : keys) {
    const auto same = std::find_if(old.begin(), old.end(), [&](const std::unique_ptr<Key>& one) {
      return one != nullptr && one->name == key.name;
    });
    if (same == old.end()) {
      key.number = ++last_number_;
      keys_.push_back(std::make_unique<Key>(std::move(key)));
      continue;
    }
    Key& stays = **same;
    stays.secret = std::move(key.secret);
    stays.limits = key.limits;
    keys_.push_back(std::move(*same));
  }
  for (auto& gone : old)
    if (gone != nullptr) retired_.push_back(std::move(gone));
}

Admission::Key& Admission::key_of(std::string_view authorization, std::string_view api_key) {
  if (!needs_key_) return everybody_;
  const std::string_view bearer = after_scheme(authorization);
  const std::string_view secret = bearer.empty() ? api_key : bearer;
  Key* found = nullptr;
  for (const auto& key : keys_)  // all of them, whichever fits
    if (same_secret(key->secret, secret)) found = key.get();
  if (found == nullptr)
    throw Refusal(401, secret.empty() ? "this server wants an API key: Authorization: Bearer KEY"
                                      : "the API key is not known here");
  return *found;
}

void Admission::check_rate(Key& key, std::int64_t tokens) {
  if (key.limits.tokens_per_minute == 0) return;
  const auto most = static_cast<double>(key.limits.tokens_per_minute);
  const double now = now_seconds();
  key.available = std::min(most, key.available + (now - key.filled_at) * most / kMinute);
  key.filled_at = now;
  const auto wanted = static_cast<double>(tokens);
  if (wanted > most)
    throw Refusal(413, fmt::format("the request may take {} tokens, the key has {} a minute; ask "
                                   "for fewer new tokens or a shorter input",
                                   tokens, key.limits.tokens_per_minute));
  if (wanted > key.available) {
    const double wait = (wanted - key.available) * kMinute / most;
    throw Refusal(
        429, fmt::format("the key's {} tokens a minute are used up", key.limits.tokens_per_minute),
        static_cast<int>(std::ceil(wait)));
  }
}

std::unique_ptr<Admission::Ticket> Admission::admit(Key& key, std::int64_t tokens) {
  if (tokens > options_.most_tokens)
    throw Refusal(413, fmt::format("the request may take {} tokens, this server takes {} at once",
                                   tokens, options_.most_tokens));
  if (key.limits.concurrent > 0 && key.running >= key.limits.concurrent)
    throw Refusal(
        429, fmt::format("the key has {} requests running, its limit", key.limits.concurrent), 1);
  check_rate(key, tokens);
  const int keys = busy_keys_ + (key.running == 0 ? 1 : 0);
  const bool is_its_part = key.tokens + tokens <= options_.most_tokens / keys;
  if (tokens_ + tokens > options_.most_tokens && !is_its_part)
    throw Refusal(503, "the server is full; try again later", 1);
  if (key.limits.tokens_per_minute > 0) key.available -= static_cast<double>(tokens);
  return std::make_unique<Ticket>(*this, key, tokens);
}

Admission::Ticket::Ticket(Admission& admission, Key& key, std::int64_t tokens)
    : admission_(admission), key_(key), tokens_(tokens) {
  admission_.tokens_ += tokens;
  key_.tokens += tokens;
  if (key_.running++ == 0) ++admission_.busy_keys_;
}

Admission::Ticket::~Ticket() {
  admission_.tokens_ -= tokens_;
  key_.tokens -= tokens_;
  if (--key_.running == 0) --admission_.busy_keys_;
}

}  // namespace transept::serve
