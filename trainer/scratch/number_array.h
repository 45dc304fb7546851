#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/status.h"

namespace dashi::trainer {

/// Numbers that are read as a vector's are, whether they stand in memory or in a mapped file
/// (NumberWriter). Those in memory can also grow as a vector does; to change single ones, take
/// `own()`.
///
/// Threads: const methods may be called at once.
template <typename T>
class NumberArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using const_reference = const T&;
  using reference = const T&;
  using const_iterator = const T*;
  using iterator = const T*;

  NumberArray() = default;
  NumberArray(std::initializer_list<T> values) : NumberArray(std::vector<T>(values)) {}
  /// `keeper` is let go when the numbers are.
  NumberArray(std::vector<T> values,  // NOLINT(google-explicit-constructor): it is one, moved
              std::shared_ptr<const void> keeper = nullptr)
      : owned_(std::move(values)), keeper_(std::move(keeper)) {
    Refresh();
  }
  /// The numbers that a file consists of.
  explicit NumberArray(std::unique_ptr<const MappedFile> file)
      : data_(static_cast<const T*>(file->data())),
        size_(file->size() / sizeof(T)),
        mapped_(std::move(file)) {}

  /// A copy of numbers in a file shares the file.
  NumberArray(const NumberArray& other)
      : data_(other.data_), size_(other.size_), owned_(other.owned_), mapped_(other.mapped_) {
    Refresh();
  }
  NumberArray(NumberArray&& other) noexcept { *this = std::move(other); }
  NumberArray& operator=(const NumberArray& other) {
    if (this != &other) {
      *this = NumberArray(other);
    }
    return *this;
  }
  NumberArray& operator=(NumberArray&& other) noexcept {
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    owned_ = std::exchange(other.owned_, {});
    mapped_ = std::exchange(other.mapped_, {});
    keeper_ = std::exchange(other.keeper_, {});
    return *this;
  }
  ~NumberArray() = default;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T* data() const { return data_; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  const T& front() const { return data_[0]; }
  const T& back() const { return data_[size_ - 1]; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  bool is_mapped() const { return mapped_ != nullptr; }

  std::vector<T> ToVector() const { return {begin(), end()}; }

  /// Says that numbers will be read soon. A hint, for those in a file.
  void WillNeed(std::size_t first, std::size_t size) const {
    if (mapped_ != nullptr && size > 0) {
      mapped_->WillNeed(first * sizeof(T), size * sizeof(T));
    }
  }

  // What follows is for numbers in memory.

  void push_back(T value) {
    Own().push_back(value);
    Refresh();
  }
  template <typename Iterator>
  void insert(const T* position, Iterator first, Iterator last) {
    const std::ptrdiff_t offset = position - data_;
    std::vector<T>& values = Own();
    values.insert(values.begin() + offset, first, last);
    Refresh();
  }
  void resize(std::size_t size, T value = T()) {
    Own().resize(size, value);
    Refresh();
  }
  void assign(std::size_t size, T value) {
    Own().assign(size, value);
    Refresh();
  }
  template <typename Iterator>
  void assign(Iterator first, Iterator last) {
    Own().assign(first, last);
    Refresh();
  }
  void reserve(std::size_t size) {
    Own().reserve(size);
    Refresh();
  }
  void clear() {
    Own().clear();
    Refresh();
  }
  /// To change numbers; their count stays.
  T* own() { return Own().data(); }

  friend bool operator==(const NumberArray& a, const NumberArray& b) {
    if (a.size_ != b.size_) {
      return false;
    }
    for (std::size_t i = 0; i < a.size_; ++i) {
      if (!(a.data_[i] == b.data_[i])) {
        return false;
      }
    }
    return true;
  }

 private:
  std::vector<T>& Own() {
    DASHI_CHECK(mapped_ == nullptr);
    return owned_;
  }
  void Refresh() {
    if (mapped_ == nullptr) {
      data_ = owned_.data();
      size_ = owned_.size();
    }
  }

  const T* data_ = nullptr;
  std::size_t size_ = 0;
  std::vector<T> owned_;
  std::shared_ptr<const MappedFile> mapped_;  // Sharers: copies of this array.
  std::shared_ptr<const void> keeper_;        // Not shared; of any type.
};

}  // namespace dashi::trainer
