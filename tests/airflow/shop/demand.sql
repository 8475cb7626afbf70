SELECT item, date_trunc('hour', ordered_at) AS hour, count(*) AS orders, sum(amount) AS amount
FROM raw.orders
WHERE ordered_at >= :window_start AND ordered_at < :window_end
GROUP BY item, date_trunc('hour', ordered_at)
