#include "dashi/database.h"

#include <filesystem>
#include <thread>
#include <utility>

#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/session_impl.h"

namespace dashi {

namespace internal {

DatabaseImpl::DatabaseImpl(std::unique_ptr<storage::Store> store, const OpenOptions& options,
                           std::string name)
    : options_(options),
      name_(std::move(name)),
      store_(std::move(store)),
      index_builder_(std::make_unique<sql::IndexBuilder>(store_.get())),
      release_events_(std::make_unique<query::ReleaseEvents>(
          store_.get(), /*follows=*/options.read_only && options.follow)) {
  WakeIndexBuilder();
}

void DatabaseImpl::Close(DatabaseImpl* database) {
  if (!database->release_events().is_calling_thread()) {
    delete database;
    return;
  }
  // A callback has let go of the last session, on a thread that cannot wait for its own end.
  std::thread([database] { delete database; }).detach();
}

Result<std::shared_ptr<DatabaseImpl>> DatabaseImpl::Open(const std::string& directory,
                                                         const OpenOptions& options) {
  if (directory.empty()) {
    return Status::InvalidArgument("the name of the database directory is empty");
  }
  storage::StoreOptions store_options;
  store_options.create_if_missing = options.create_if_missing;
  store_options.read_only = options.read_only;
  store_options.follow = options.follow;
  store_options.memory_bytes_max = options.memory_bytes_max;
  store_options.reserved_disk_bytes = options.reserved_disk_bytes;
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<storage::Store> store,
                         storage::Store::Open(directory, store_options));
  std::error_code error;
  std::filesystem::path path = std::filesystem::weakly_canonical(directory, error);
  path = path.has_filename() ? path.filename() : path.parent_path().filename();
  return std::shared_ptr<DatabaseImpl>(
      new DatabaseImpl(std::move(store), options, path.empty() ? directory : path.string()), Close);
}

void DatabaseImpl::WakeIndexBuilder() {
  const Result<bool> has_work = store_->HasIndexWork();
  if (has_work.ok() && *has_work) {
    index_builder_->Wake();
  }
  has_work.status().IgnoreError("whoever reads the catalog next finds the same error");
}

query::ReleaseCache& DatabaseImpl::releases() {
  MutexLock lock(mutex_);
  if (!releases_) {
    pool_ = std::make_unique<ThreadPool>(options_.num_threads);
    releases_ = std::make_unique<query::ReleaseCache>(store_.get(), pool_.get(),
                                                      options_.torch_module_path);
  }
  return *releases_;
}

trainer::JobManager& DatabaseImpl::jobs() {
  MutexLock lock(mutex_);
  if (!jobs_) {
    trainer::JobManagerOptions job_options;
    job_options.num_threads = options_.num_threads;
    job_options.torch_module_path = options_.torch_module_path;
    jobs_ = std::make_unique<trainer::JobManager>(store_.get(), job_options);
  }
  return *jobs_;
}

trainer::JobManager* DatabaseImpl::jobs_or_null() {
  MutexLock lock(mutex_);
  return jobs_.get();
}

}  // namespace internal

Database::Database(std::shared_ptr<internal::DatabaseImpl> impl) : impl_(std::move(impl)) {}

Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::Open(const std::string& directory,
                                                 const OpenOptions& options) {
  return CatchAsStatus("opening the database", [&]() -> Result<std::unique_ptr<Database>> {
    DASHI_ASSIGN_OR_RETURN(std::shared_ptr<internal::DatabaseImpl> impl,
                           internal::DatabaseImpl::Open(directory, options));
    return std::unique_ptr<Database>(new Database(std::move(impl)));
  });
}

const std::string& Database::name() const { return impl_->name(); }

Result<std::unique_ptr<Session>> Database::NewSession() { return NewSession(SessionOptions()); }

Result<std::unique_ptr<Session>> Database::NewSession(const SessionOptions& session_options) {
  return CatchAsStatus("opening a session", [&]() -> Result<std::unique_ptr<Session>> {
    DASHI_ASSIGN_OR_RETURN(std::unique_ptr<internal::SessionImpl> session,
                           internal::SessionImpl::Open(impl_, session_options));
    return std::make_unique<Session>(std::move(session));
  });
}

Result<Subscription> Database::SubscribeToReleases(ReleaseCallback callback) {
  return CatchAsStatus("subscribing to releases", [&]() -> Result<Subscription> {
    if (!callback) {
      return Status::InvalidArgument("the release callback is empty");
    }
    DASHI_ASSIGN_OR_RETURN(auto subscriber, impl_->release_events().Subscribe(std::move(callback)));
    return Subscription(std::move(subscriber));
  });
}

const std::string& Database::directory() const { return impl_->store().directory(); }

}  // namespace dashi
