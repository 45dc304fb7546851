#include "sql/postgres/regular_expression.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <iterator>
#include <utility>

#include <re2/re2.h>

#include "base/status.h"

namespace dashi::sql::postgres {

namespace {

/// Memory of one expression's automata.
constexpr std::int64_t kBytesMax = std::int64_t{8} << 20;
/// Expressions that a statement keeps.
constexpr std::size_t kCachedMax = 8;

/// Spaces that break lines, inside a list of characters.
constexpr std::string_view kSpaces =
    "\\s\\v\\x{85}\\x{1680}\\x{2000}-\\x{2006}\\x{2008}-\\x{200a}\\x{2028}\\x{2029}\\x{205f}\\x{"
    "3000}";

/// What stands inside a list of characters for a class by its name.
struct NamedClass {
  std::string_view name;
  std::string_view list;
};
constexpr NamedClass kClasses[] = {
    {"alpha", "\\pL"},
    {"alnum", "\\pL\\pN"},
    {"upper", "\\p{Lu}"},
    {"lower", "\\p{Ll}"},
    {"digit", "\\p{Nd}"},
    {"space", kSpaces},
    {"blank", " \\t\\x{1680}\\x{2000}-\\x{2006}\\x{2008}-\\x{200a}\\x{205f}\\x{3000}"},
    {"punct", "\\pP\\pS\\x{a0}\\x{2007}\\x{202f}"},
    {"graph", "\\pL\\pM\\pN\\pP\\pS\\x{a0}\\x{2007}\\x{202f}"},
    {"print", "\\pL\\pM\\pN\\pP\\pS\\p{Zs}"},
    {"cntrl", "\\p{Cc}"},
    {"xdigit", "[:xdigit:]"},
};

/// What stands inside a list for a class by its letter; empty: there is none.
std::string_view ListOf(char letter) {
  switch (letter) {
    case 'w':
    case 'W':
      return "\\pL\\pN_";
    case 'd':
    case 'D':
      return "\\p{Nd}";
    case 's':
    case 'S':
      return kSpaces;
    default:
      return {};
  }
}

Status Wrong(std::string_view what) {
  return Status::InvalidArgument("invalid regular expression: " + std::string(what))
      .WithSqlState("2201B");
}

Status NotSupported(std::string_view what) {
  return Status::Unimplemented("regular expressions do not support " + std::string(what));
}

/// Writes PostgreSQL's expression in the words of RE2.
class Translator {
 public:
  Translator(std::string_view pattern, bool fold_case) : rest_(pattern), fold_case_(fold_case) {}

  Result<std::string> Run() {
    if (rest_.starts_with("***")) {
      return NotSupported("the directors ***: and ***=");
    }
    while (!rest_.empty()) {
      if (rest_.starts_with('\\')) {
        DASHI_RETURN_IF_ERROR(Escape(/*in_list=*/false));
      } else if (rest_.starts_with('[')) {
        DASHI_RETURN_IF_ERROR(List());
      } else if (rest_.starts_with("(?=") || rest_.starts_with("(?!") || rest_.starts_with("(?<")) {
        return NotSupported("looking ahead or behind");
      } else {
        Copy(1);
      }
    }
    return std::move(out_);
  }

 private:
  void Copy(std::size_t size) {
    out_ += rest_.substr(0, size);
    rest_.remove_prefix(size);
  }

  // A backslash and what belongs to it.
  Status Escape(bool in_list) {
    if (rest_.size() < 2) {
      return Wrong("a backslash at its end");
    }
    const char letter = rest_[1];
    const std::string_view list = ListOf(letter);
    if (!list.empty()) {
      const bool negated = letter >= 'A' && letter <= 'Z';
      if (in_list && negated) {
        return Wrong("\\" + std::string(1, letter) + " inside a list");
      }
      out_ += in_list ? std::string(list) : (negated ? "[^" : "[") + std::string(list) + "]";
      rest_.remove_prefix(2);
      return Status();
    }
    if (letter == 'u' || letter == 'U') {
      const std::size_t digits = letter == 'u' ? 4 : 8;
      const std::string_view code = rest_.substr(2, digits);
      if (code.size() < digits) {
        return Wrong("too few digits behind \\" + std::string(1, letter));
      }
      out_ += "\\x{" + std::string(code) + "}";
      rest_.remove_prefix(2 + digits);
      return Status();
    }
    if (!in_list && letter >= '1' && letter <= '9') {
      return NotSupported("back references");
    }
    constexpr std::string_view kKept = "aefnrtvxA0";
    if (std::isalnum(static_cast<unsigned char>(letter)) != 0 &&
        kKept.find(letter) == std::string_view::npos) {
      return NotSupported("\\" + std::string(1, letter));
    }
    if (letter == 'e') {
      out_ += "\\x1b";
      rest_.remove_prefix(2);
      return Status();
    }
    Copy(2);
    return Status();
  }

  // [...], in which a ] that comes first stands for itself.
  Status List() {
    Copy(1);
    if (rest_.starts_with('^')) {
      Copy(1);
    }
    if (rest_.starts_with(']')) {
      out_ += "\\]";
      rest_.remove_prefix(1);
    }
    while (!rest_.empty() && !rest_.starts_with(']')) {
      if (rest_.starts_with('\\')) {
        DASHI_RETURN_IF_ERROR(Escape(/*in_list=*/true));
      } else if (rest_.starts_with("[:")) {
        DASHI_RETURN_IF_ERROR(Class());
      } else if (rest_.starts_with("[.") || rest_.starts_with("[=")) {
        return NotSupported("collating elements");
      } else if (rest_.starts_with('[')) {
        out_ += "\\[";
        rest_.remove_prefix(1);
      } else {
        Copy(1);
      }
    }
    if (rest_.empty()) {
      return Wrong("brackets [] not balanced");
    }
    Copy(1);
    return Status();
  }

  Status Class() {
    const std::size_t end = rest_.find(":]");
    const std::string_view name = rest_.substr(2, end == std::string_view::npos ? 0 : end - 2);
    const auto* known = std::find_if(std::begin(kClasses), std::end(kClasses),
                                     [&](const NamedClass& one) { return one.name == name; });
    if (known == std::end(kClasses)) {
      return Wrong("invalid character class");
    }
    const bool of_case = name == "upper" || name == "lower";
    out_ += of_case && fold_case_ ? kClasses[0].list : known->list;
    rest_.remove_prefix(end + 2);
    return Status();
  }

  std::string_view rest_;
  const bool fold_case_;
  std::string out_;
};

}  // namespace

struct RegularExpression::Compiled {
  Compiled(const std::string& pattern, const re2::RE2::Options& options)
      : expression(pattern, options) {}
  re2::RE2 expression;
};

RegularExpression::RegularExpression(std::unique_ptr<Compiled> compiled)
    : compiled_(std::move(compiled)) {}
RegularExpression::RegularExpression(RegularExpression&&) noexcept = default;
RegularExpression& RegularExpression::operator=(RegularExpression&&) noexcept = default;
RegularExpression::~RegularExpression() = default;

Result<RegularExpression> RegularExpression::Compile(std::string_view pattern, bool fold_case) {
  DASHI_ASSIGN_OR_RETURN(const std::string translated, Translator(pattern, fold_case).Run());
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_never_capture(true);
  options.set_case_sensitive(!fold_case);
  options.set_max_mem(kBytesMax);
  auto compiled = std::make_unique<Compiled>(translated, options);
  if (!compiled->expression.ok()) {
    return Wrong(compiled->expression.error());
  }
  return RegularExpression(std::move(compiled));
}

bool RegularExpression::Matches(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), compiled_->expression);
}

Result<const RegularExpression*> RegularExpressionCache::Find(std::string_view pattern,
                                                              bool fold_case) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.fold_case == fold_case && entry.pattern == pattern;
  });
  if (found != entries_.end()) {
    return &found->expression;
  }
  DASHI_ASSIGN_OR_RETURN(RegularExpression expression,
                         RegularExpression::Compile(pattern, fold_case));
  Entry entry{std::string(pattern), fold_case, std::move(expression)};
  if (entries_.size() < kCachedMax) {
    entries_.reserve(kCachedMax);
    entries_.push_back(std::move(entry));
    return &entries_.back().expression;
  }
  const std::size_t place = next_;
  next_ = (next_ + 1) % kCachedMax;
  entries_[place] = std::move(entry);
  return &entries_[place].expression;
}

}  // namespace dashi::sql::postgres
