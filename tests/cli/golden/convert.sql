WITH recent AS (SELECT * FROM raw.orders WHERE day = CAST(:window_start AS DATE))
SELECT customer, CAST(CAST(:window_start AS DATE) AS DATE) AS day, count(*) AS orders
FROM recent JOIN raw.customers USING (customer)
GROUP BY customer
