SELECT zone, date_trunc('hour', started_at) AS hour, count(*) AS trips
FROM raw.rides
WHERE started_at >= :window_start AND started_at < :window_end
GROUP BY zone, date_trunc('hour', started_at)
