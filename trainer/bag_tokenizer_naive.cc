#include "trainer/bag_tokenizer_naive.h"

#include "trainer/unicode_words.h"

namespace dashi::trainer::naive {

void ForEachWord(std::string_view text, const std::function<void(std::string_view)>& on_token) {
  UnicodeWords().ForEach(text, on_token);
}

}  // namespace dashi::trainer::naive
